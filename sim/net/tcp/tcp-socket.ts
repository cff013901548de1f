/**
 * A TCP socket as applications use it: system calls that never wait, and callbacks that tell what has changed.
 *
 * Callbacks run at the end of the instant in which something happened, once for all of it, outside of TCP's own work: an application
 * may read, write and close within them.
 *
 * @source net/ipv4/af_inet.c, net/ipv4/tcp.c, net/ipv4/inet_connection_sock.c inet_csk_accept
 * @differs IPv6 sockets take IPv6 only (IPV6_V6ONLY)
 */
import { COST_NS } from "../cost.ts";
import { AF_INET, type Family, type IpAddr } from "../ip/address.ts";
import { isLocal6 } from "../ip/ipv6/route.ts";
import { ERRNO, NetlinkError } from "../netlink-error.ts";
import { TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN } from "../sockets/bpf-sock.ts";
import { tcpClose, tcpDisconnect } from "./close.ts";
import { tcpBind, tcpConnect, tcpListen } from "./connect.ts";
import { ENOTCONN, RCV_SHUTDOWN, SEND_SHUTDOWN, TCP_CLOSE_WAIT, TCP_SYN_SENT } from "./const.ts";
import { type BytesVisitor, tcpInq, tcpRecvmsg } from "./recv.ts";
import { tcpSendmsg } from "./send.ts";
import { tcpShutdown } from "./shutdown.ts";
import { skStateChange, skStreamIsWriteable, tcpDataReady } from "./sk-mem.ts";
import { destroySock } from "./state.ts";
import type { TcpNet } from "./tcp-net.ts";
import { TcpSock } from "./tcp-sock.ts";

/** shutdown(2). */
export const SHUT_RD = 0;
export const SHUT_WR = 1;
export const SHUT_RDWR = 2;

/** A TCP socket. */
export class TcpSocket extends TcpSock {
  /** The connection is made. */
  onConnected: (() => void) | null = null;
  /** A connection waits: call `accept` until it answers null. */
  onAccept: (() => void) | null = null;
  /** The connection has failed or was reset; errno, positive. It is told once. */
  onError: ((errno: number) => void) | null = null;
  /** The send buffer has room again after `write` took less than it was given. */
  onWritable: (() => void) | null = null;
  private toldConnected: boolean = false;

  /** @throws NetlinkError EADDRNOTAVAIL, EADDRINUSE, EINVAL when bound or connected already */
  bind(addr: IpAddr, port: number): void {
    if (this.localPort !== 0 || this.state !== TCP_CLOSE || addr.family !== this.family) {
      throw new NetlinkError(ERRNO.EINVAL);
    }
    if (!addr.isAny && !this.isOurs(addr)) throw new NetlinkError(ERRNO.EADDRNOTAVAIL);
    tcpBind(this, addr, port);
  }

  /**
   * Begins to connect; onConnected or onError tells how it went.
   * @throws NetlinkError when it fails at once (tcpConnect)
   */
  connect(addr: IpAddr, port: number): void {
    this.stack.host.cpu().charge(COST_NS.syscallTx);
    tcpConnect(this, addr, port);
  }

  /** @throws NetlinkError EINVAL, EADDRINUSE @param backlog connections that may wait; at most net.core.somaxconn */
  listen(backlog: number): void {
    tcpListen(this, backlog);
  }

  /** @returns the connection that has waited longest, or null */
  accept(): TcpSocket | null {
    const child = this.listenQueue?.shift() ?? null;
    if (child === null) return null;
    child.parent = null;
    // what came before it was accepted
    if (child.receiveQueue.qlen > 0 || child.skShutdown !== 0) tcpDataReady(child);
    if (child.skErr !== 0) skStateChange(child);
    return child as TcpSocket;
  }

  /**
   * Copies at most `max` bytes into an array, from `offset` on.
   * @returns bytes, 0 at the end of the stream, or -errno: -EAGAIN when nothing is there
   */
  read(into: Uint8Array, offset: number = 0, max: number = into.length - offset): number {
    return tcpRecvmsg(this, into, offset, max, null);
  }

  /** Shows at most `max` bytes where they lie and takes them; an address is good during the call only. @returns as read */
  readWith(visit: BytesVisitor, max: number): number {
    return tcpRecvmsg(this, null, 0, max, visit);
  }

  /** Takes at most `max` bytes and forgets them. @returns as read */
  skip(max: number): number {
    return tcpRecvmsg(this, null, 0, max, null);
  }

  /**
   * Gives bytes to send.
   * @param flags MSG_MORE, MSG_EOR (send.ts)
   * @returns bytes taken, or -errno: -EAGAIN when the buffer is full; onWritable tells when there is room
   */
  write(bytes: Uint8Array, offset: number = 0, len: number = bytes.length - offset, flags: number = 0): number {
    this.stack.host.cpu().charge(COST_NS.syscallTx);
    return tcpSendmsg(this, bytes, offset, len, flags);
  }

  /** The same from the arena. */
  writeFrom(addr: number, len: number, flags: number = 0): number {
    this.stack.host.cpu().charge(COST_NS.syscallTx);
    return tcpSendmsg(this, null, addr, len, flags);
  }

  /** shutdown(2). @throws NetlinkError ENOTCONN */
  shutdown(how: number): void {
    const mask = how + 1;
    if (this.state === TCP_CLOSE) throw new NetlinkError(ENOTCONN);
    if (this.state === TCP_LISTEN) {
      if ((mask & RCV_SHUTDOWN) !== 0) tcpDisconnect(this);
      return;
    }
    this.skShutdown |= mask;
    if ((mask & SEND_SHUTDOWN) !== 0) tcpShutdown(this);
  }

  /** Bytes that wait to be read in order. */
  override get readable(): number {
    return tcpInq(this);
  }

  /** The peer has sent all, and all of it was read. */
  get atEnd(): boolean {
    return (this.skShutdown & RCV_SHUTDOWN) !== 0 && tcpInq(this) === 0;
  }

  get connected(): boolean {
    return this.state === TCP_ESTABLISHED || this.state === TCP_CLOSE_WAIT;
  }

  get writable(): boolean {
    return this.connected && (this.skShutdown & SEND_SHUTDOWN) === 0 && skStreamIsWriteable(this);
  }

  /** close(2). */
  override close(): void {
    tcpClose(this);
  }

  /** The host loses its power: nothing is sent. */
  kill(): void {
    this.dead = true;
    destroySock(this);
  }

  /** The end of an instant: tells the application. The handler of the wake event. */
  wake(): void {
    this.wakePending = false;
    if (this.dead || this.closed || this.parent !== null) return;
    if (this.acceptReady) {
      this.acceptReady = false;
      this.onAccept?.();
    }
    if (this.stateChanged) {
      this.stateChanged = false;
      this.tellState();
    }
    if (this.readReady && !this.dead) {
      this.readReady = false;
      if (this.readable >= this.rcvLowat || (this.skShutdown & RCV_SHUTDOWN) !== 0) this.onReadable?.();
    }
    if (this.writeReady && !this.dead) {
      this.writeReady = false;
      // tcp_poll: what was free may be taken again
      if (this.writable) this.onWritable?.();
      else this.noSpace = true;
    }
  }

  private tellState(): void {
    if (this.skErr !== 0) {
      const err = this.skErr;
      if (this.onError !== null) {
        this.skErr = 0;
        this.onError(err);
      } else this.onReadable?.();
      return;
    }
    if (this.connected && !this.toldConnected) {
      this.toldConnected = true;
      if (this.state !== TCP_SYN_SENT) this.onConnected?.();
      if (this.noSpace && this.writable) {
        this.noSpace = false;
        this.writeReady = true;
      }
    }
    // the end of the stream is read as 0 bytes
    if ((this.skShutdown & RCV_SHUTDOWN) !== 0) this.readReady = true;
  }

  private isOurs(addr: IpAddr): boolean {
    if (this.family !== AF_INET) return isLocal6(this.stack, addr, this.boundIfindex);
    return this.stack.isLocal4(addr.a) || addr.a >>> 24 === 127;
  }
}

/** Makes sockets of connections that come in, and of `openTcp`. */
export function createTcpSocket(net: TcpNet, family: Family): TcpSocket {
  const sk = new TcpSocket(net, family);
  const s = net.stack.sysctl;
  // tcp_init_sock
  sk.rcvBuf = s.tcpRmemDefault;
  sk.sndBuf = s.tcpWmemDefault;
  sk.icskRtoMin = Math.max(1, Math.ceil(s.tcpRtoMinUs / 4000));
  sk.icskRtoMax = Math.ceil(s.tcpRtoMaxMs / 4);
  sk.mdevUs = 250 * 4000;
  sk.reordering = s.tcpReordering;
  return sk;
}
