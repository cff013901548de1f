/**
 * Half-open connections and those in TIME_WAIT as programs see them: sock_common, no full socket.
 * @source net/core/filter.c bpf_skc_lookup_tcp; include/net/sock.h sk_fullsock
 */
import type { SocketHolder } from "../../bpf/map.ts";
import type { Host } from "../host.ts";
import type { IpAddr } from "../ip/address.ts";
import { IPPROTO_TCP } from "../ip/ipv4/header.ts";
import { type BpfSocket, SOCK_STREAM } from "../sockets/bpf-sock.ts";
import { OptionMemory } from "../sockets/option-memory.ts";
import type { RequestSock } from "./request-sock.ts";
import type { TimeWaitSock } from "./time-wait-sock.ts";

/** The view of a socket that is no full one; made at the first lookup. */
export class MiniSock implements BpfSocket {
  readonly host: Host;
  readonly skType: number = SOCK_STREAM;
  readonly skProtocol: number = IPPROTO_TCP;
  readonly priority: number = 0;
  readonly inet: boolean = true;
  readonly hashed: boolean = true;
  readonly reuseport: boolean = false;
  readonly holders: Set<SocketHolder> = new Set();
  readonly optionMemory: OptionMemory = new OptionMemory();
  readonly sock: BpfSocket = this;
  view: number = 0;
  private readonly of: RequestSock | TimeWaitSock;
  private ownCookie: number = 0;

  constructor(of: RequestSock | TimeWaitSock) {
    this.of = of;
    this.host = of.net.stack.host;
  }

  get skFamily(): number {
    return this.of.family;
  }

  get skState(): number {
    return this.of.state;
  }

  get mark(): number {
    return this.of.mark;
  }

  get boundIfindex(): number {
    return this.of.boundIfindex;
  }

  get localAddr(): IpAddr {
    return this.of.localAddr;
  }

  get localPort(): number {
    return this.of.localPort;
  }

  get remoteAddr(): IpAddr | null {
    return this.of.remoteAddr;
  }

  get remotePort(): number {
    return this.of.remotePort;
  }

  get cookie(): number {
    if (this.ownCookie === 0) this.ownCookie = this.host.nextSocketCookie();
    return this.ownCookie;
  }

  bpfSock(): number {
    return this.host.kernel.env.sockets.addressOf(this);
  }

  /** The connection is half-open, or in TIME_WAIT, no more. */
  forget(): void {
    this.host.kernel.env.sockets.forget(this);
  }
}
