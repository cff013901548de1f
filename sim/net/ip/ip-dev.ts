/** What the IP layer keeps for one device: its addresses and settings (in_device, inet6_dev, neigh_parms). */
import type { Netdev } from "../netdev.ts";
import type { IpAddr } from "./address.ts";
import { defaultNeighConf, type IpConf, type NeighConf } from "./sysctl.ts";

/** One address of a device (in_ifaddr, inet6_ifaddr). */
export interface IfAddr {
  readonly dev: Netdev;
  /** ifa_local. */
  readonly addr: IpAddr;
  /** ifa_address: the far end on point-to-point links, else the same as addr. */
  readonly peer: IpAddr;
  readonly len: number;
  /** null when there is none. */
  readonly broadcast: IpAddr | null;
  /** RT_SCOPE_*. */
  readonly scope: number;
  /** IFA_F_SECONDARY: not the first of its subnet. */
  readonly secondary: boolean;
  /** IFA_F_NOPREFIXROUTE. */
  readonly noPrefixRoute: boolean;
  /** Made by the kernel (fe80:: from the MAC, ::1, 127.0.0.1). */
  readonly kernel: boolean;
  /** `label` of IPv4 addresses; the device's name by default. */
  readonly label: string;
  /** Metric of the prefix route, 0 for the default. */
  readonly metric: number;
}

/** What the IP layer keeps for a device (in_device, inet6_dev). */
export class IpDev {
  readonly dev: Netdev;
  readonly conf: IpConf;
  readonly neigh4: NeighConf;
  readonly neigh6: NeighConf;
  /** In Linux's order. */
  addrs4: IfAddr[] = [];
  addrs6: IfAddr[] = [];
  /** Effective values for the packet path, from conf and conf.all. */
  forwarding4: boolean = false;
  forwarding6: boolean = false;
  rpFilter: number = 0;
  acceptLocal: boolean = false;
  routeLocalnet: boolean = false;
  /** neigh_parms.reachable_time: as drawn, and when. */
  reachable4Ns: number = 0;
  reachableDrawn4Ns: number = -1;
  reachable6Ns: number = 0;
  reachableDrawn6Ns: number = -1;

  constructor(dev: Netdev, conf: IpConf, neigh4: NeighConf | null, neigh6: NeighConf | null) {
    this.dev = dev;
    this.conf = { ...conf };
    this.neigh4 = { ...(neigh4 ?? defaultNeighConf(4)) };
    this.neigh6 = { ...(neigh6 ?? defaultNeighConf(6)) };
  }
}
