/**
 * What all sockets have: buffers in both directions, a filter, and how packets reach the application.
 *
 * An application either takes each packet at once (`onPacket`: address and length, the packet is gone when the callback returns), or
 * lets them queue up and is told (`onReadable`), then calls `receive` and `done`.
 *
 * @source net/core/sock.c sock_queue_rcv_skb; net/core/filter.c sk_filter_trim_cap, sk_attach_filter, sk_detach_filter
 */
import type { ClassicProgram } from "../../bpf/cbpf/insn.ts";
import type { SocketHolder } from "../../bpf/map.ts";
import type { Program } from "../../bpf/program.ts";
import { classicFilterBytes, loadClassic } from "../classic-filter.ts";
import { COST_NS } from "../cost.ts";
import { SKB_DROP_REASON } from "../drop-reason.ts";
import type { Host } from "../host.ts";
import { AF_INET, type Family, IpAddr } from "../ip/address.ts";
import type { IpStack } from "../ip/ip-stack.ts";
import { IPPROTO_UDP } from "../ip/ipv4/header.ts";
import { truesizeOf } from "../ip/truesize.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { type Skb, type SkbOwner, SkbQueue } from "../skb.ts";
import { runSocketFilter } from "../tc/run-prog.ts";
import { type BpfSocket, SOCK_DGRAM, TCP_CLOSE, TCP_ESTABLISHED } from "./bpf-sock.ts";
import { OptionMemory } from "./option-memory.ts";

/** SO_RCVBUF's floor (SOCK_MIN_RCVBUF) and SO_SNDBUF's. */
const MIN_RCVBUF = 2304;
const MIN_SNDBUF = 4608;

/** Where a received packet came from; overwritten by the next one. Words as in IpAddr. */
class PacketSource {
  a: number = 0;
  b: number = 0;
  c: number = 0;
  d: number = 0;
  /** 0 for sockets without ports. */
  port: number = 0;
  /** Device it came in by. */
  ifindex: number = 0;
  /** TTL or hop limit. */
  ttl: number = 0;

  /** The address as an object; allocates. */
  address(family: Family): IpAddr {
    return new IpAddr(family, this.a, this.b, this.c, this.d);
  }
}

/** Gets a packet at once: `addr` and `len` are its bytes in the arena, only valid during the call. */
export type PacketCallback<S> = (socket: S, addr: number, len: number, skb: Skb) => void;

/** Base of all sockets. */
export abstract class Socket implements SkbOwner, BpfSocket {
  readonly stack: IpStack;
  readonly family: Family;
  /** Source of the packet in `onPacket`, or of the last one given to `describe`. */
  readonly from: PacketSource = new PacketSource();
  /** Packets lost here for want of buffer (sk_drops). */
  drops: number = 0;
  /** Called when a packet was queued. */
  onReadable: (() => void) | null = null;
  closed: boolean = false;
  /** SO_ATTACH_BPF, SO_ATTACH_FILTER: a socket filter; its answer is how many bytes to keep. */
  filter: Program | null = null;
  readonly optionMemory: OptionMemory = new OptionMemory();
  /** What an attached classic filter takes of the option memory, bytes. */
  private filterBytes: number = 0;
  /** SO_MARK. */
  mark: number = 0;
  /** SO_PRIORITY. */
  priority: number = 0;
  /** SO_BINDTODEVICE, or the scope of a link-local peer; 0 for none. */
  boundIfindex: number = 0;
  readonly sock: BpfSocket = this;
  view: number = 0;
  abstract readonly skType: number;
  abstract readonly skProtocol: number;
  /** null: no internet socket. */
  localAddr: IpAddr | null = null;
  /** 0 while unbound. */
  localPort: number = 0;
  /** null while not connected. */
  remoteAddr: IpAddr | null = null;
  remotePort: number = 0;
  /** SO_REUSEPORT; UDP sockets have none (udp.ts). */
  reuseport: boolean = false;
  /** Maps that hold it. */
  readonly holders: Set<SocketHolder> = new Set();
  private ownCookie: number = 0;
  /** SO_RCVBUF and SO_SNDBUF as they count: twice what was asked for. */
  rcvBuf: number;
  sndBuf: number;
  private rmem: number = 0;
  private wmem: number = 0;
  private readonly queue: SkbQueue = new SkbQueue();

  constructor(stack: IpStack, family: Family) {
    this.stack = stack;
    this.family = family;
    this.rcvBuf = stack.sysctl.rmemDefault;
    this.sndBuf = stack.sysctl.wmemDefault;
  }

  get host(): Host {
    return this.stack.host;
  }

  get cookie(): number {
    if (this.ownCookie === 0) {
      this.ownCookie = this.host.nextSocketCookie();
      this.host.bpf.sockets.set(this.ownCookie, this);
    }
    return this.ownCookie;
  }

  /** A UDP socket, which maps of sockets take. */
  get inet(): boolean {
    return this.skType === SOCK_DGRAM && this.skProtocol === IPPROTO_UDP;
  }

  /** It is in the tables of its protocol. */
  get hashed(): boolean {
    return this.localPort !== 0 && !this.closed;
  }

  get skFamily(): number {
    return this.family;
  }

  get skState(): number {
    return this.remoteAddr === null ? TCP_CLOSE : TCP_ESTABLISHED;
  }

  bpfSock(): number {
    return this.stack.kernel.env.sockets.addressOf(this);
  }

  /** Programs that know the socket see its new state. */
  refreshView(): void {
    if (this.view !== 0) this.stack.kernel.env.sockets.addressOf(this);
  }

  /** SO_RCVBUF: twice the value, within the limits, is what counts. */
  setRcvBuf(bytes: number): void {
    this.rcvBuf = Math.max(Math.min(bytes, this.stack.sysctl.rmemMax) * 2, MIN_RCVBUF);
  }

  /** SO_SNDBUF. */
  setSndBuf(bytes: number): void {
    this.sndBuf = Math.max(Math.min(bytes, this.stack.sysctl.wmemMax) * 2, MIN_SNDBUF);
  }

  /** Bytes (truesize) that wait to be read, and that are on their way out: `ss -m`. */
  get memory(): { readonly rmem: number; readonly wmem: number; readonly rcvBuf: number; readonly sndBuf: number } {
    return { rmem: this.rmem, wmem: this.wmem, rcvBuf: this.rcvBuf, sndBuf: this.sndBuf };
  }

  /**
   * SO_ATTACH_FILTER: a classic program decides from now on, in place of any other filter.
   * @throws ObjectError CLASSIC_INVALID where Linux says EINVAL
   * @throws NetlinkError ENOMEM when it does not fit into the option memory beside the one that it replaces
   */
  attachFilter(program: ClassicProgram): void {
    // what does not fit is not loaded at all: a machine keeps its programs
    const bytes = classicFilterBytes(program);
    if (!this.optionMemory.charge(bytes)) throw new NetlinkError(ERRNO.ENOMEM);
    this.filter = loadClassic(this.stack.kernel, program, "socket_filter");
    this.optionMemory.uncharge(this.filterBytes);
    this.filterBytes = bytes;
  }

  /** SO_DETACH_FILTER. @throws NetlinkError ENOENT when there is none */
  detachFilter(): void {
    if (this.filter === null) throw new NetlinkError(ERRNO.ENOENT);
    this.filter = null;
    this.optionMemory.uncharge(this.filterBytes);
    this.filterBytes = 0;
  }

  /** Packets that wait to be read. */
  get readable(): number {
    return this.queue.qlen;
  }

  /** Takes the oldest packet; its bytes are skb.data, skb.len. The caller gives it back by `done`. */
  receive(): Skb | null {
    const skb = this.queue.shift();
    if (skb !== null) this.rmem -= sizeOf(skb);
    return skb;
  }

  /** The application has read the packet. */
  done(skb: Skb): void {
    this.stack.kernel.deliverSkb(skb);
  }

  /** Fills `from` from a packet's headers. */
  describe(skb: Skb): void {
    const f = this.from;
    const dv = this.stack.arena.dv;
    const ip = skb.networkHeader;
    f.ifindex = skb.skbIif;
    if (this.family === AF_INET) {
      f.a = dv.getUint32(ip + 12);
      f.ttl = dv.getUint8(ip + 8);
    } else {
      f.a = dv.getUint32(ip + 8);
      f.b = dv.getUint32(ip + 12);
      f.c = dv.getUint32(ip + 16);
      f.d = dv.getUint32(ip + 20);
      f.ttl = dv.getUint8(ip + 7);
    }
  }

  onSkbFree(skb: Skb): void {
    this.wmem -= skb.ownerBytes;
  }

  /** Frees what waits. Sub-classes take themselves off their tables. */
  close(): void {
    this.closed = true;
    for (const holder of [...this.holders]) holder.dropSocket(this);
    if (this.ownCookie !== 0) this.host.bpf.sockets.delete(this.ownCookie);
    this.stack.kernel.env.sockets.forget(this);
    for (let skb = this.receive(); skb !== null; skb = this.receive()) {
      this.stack.kernel.kfreeSkb(skb, skb.dev!, SKB_DROP_REASON.SOCKET_CLOSE);
    }
  }

  /** The packet goes to the application: at once when it wants it so. Takes the skb. */
  protected abstract handOver(skb: Skb): boolean;

  /** @returns whether the receive buffer takes the packet; an empty one takes any (__udp_enqueue_schedule_skb) */
  protected hasRoom(skb: Skb): boolean {
    return this.rmem === 0 || this.rmem + sizeOf(skb) <= this.rcvBuf;
  }

  /** Hands a packet over or queues it. The caller has asked hasRoom. */
  protected take(skb: Skb): void {
    this.stack.host.cpu().charge(COST_NS.socketRx);
    if (this.handOver(skb)) {
      this.stack.kernel.deliverSkb(skb);
      return;
    }
    this.rmem += sizeOf(skb);
    this.queue.push(skb);
    this.onReadable?.();
  }

  /** Runs the filter where skb.data is. @returns bytes to keep, 0 to drop; the whole length without a filter */
  protected filterKeep(skb: Skb): number {
    if (this.filter === null) return skb.len;
    return runSocketFilter(this.filter, skb, skb.dev!);
  }

  /**
   * A fresh packet for sending: `len` bytes at skb.data for the application to fill, charged to the send buffer.
   * @returns null when the send buffer is full (EAGAIN), memory is used up or the socket is closed
   */
  protected beginSend(len: number): Skb | null {
    if (this.closed || this.wmem >= this.sndBuf) return null;
    const skb = this.stack.kernel.allocSkb(len);
    if (skb === null) return null;
    skb.owner = this;
    skb.mark = this.mark;
    skb.priority = this.priority;
    skb.ownerBytes = truesizeOf(len + 28);
    this.wmem += skb.ownerBytes;
    return skb;
  }
}

/** truesize of a received packet, its network header included. */
function sizeOf(skb: Skb): number {
  return truesizeOf(skb.data + skb.len - (skb.networkHeader >= 0 ? Math.min(skb.networkHeader, skb.data) : skb.data));
}
