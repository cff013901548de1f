/** What `ip route get` asks. */
import type { IpAddr } from "../../net/ip/address.ts";

/** A destination and what the packet shall have. */
export interface RouteQuestion {
  readonly dst: IpAddr;
  readonly from: IpAddr | null;
  /** ifindex; 0: any. */
  readonly oif: number;
}
