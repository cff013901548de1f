/** Plays a script of cases.mjs against netsim's TCP, as runner.c does against the kernel's. */
import { csumFold, csumPartial, csumPseudo } from "../../../../sim/net/checksum.ts";
import type { Host } from "../../../../sim/net/host.ts";
import { AF_INET, AF_INET6, type Family, formatMac } from "../../../../sim/net/ip/address.ts";
import { setSysctl } from "../../../../sim/net/ip/sysctl-control.ts";
import type { Kernel } from "../../../../sim/net/kernel.ts";
import type { Netdev, PacketTap } from "../../../../sim/net/netdev.ts";
import { NetlinkError } from "../../../../sim/net/netlink-error.ts";
import type { Skb } from "../../../../sim/net/skb.ts";
import { openTcp } from "../../../../sim/net/sockets/index.ts";
import { addHost } from "../../../../sim/net/stack.ts";
import { tcpSetsockopt } from "../../../../sim/net/tcp/sockopt.ts";
import type { TcpSocket } from "../../../../sim/net/tcp/tcp-socket.ts";
import { address, ip, permanent } from "../../ip/kit.ts";
import { testKernel, veth } from "../../kit.ts";
import type { TcpCase } from "./cases.mjs";

const PEER_PORT = 7777;
const KERNEL_PORT = 80;
const PEER_ISN = 5000;
const ETH = 14;
const FLAGS = "FSRPAUEC";
const EINPROGRESS = 115;

/** One play. */
class Replay implements PacketTap {
  readonly out: string[] = [];
  private readonly kernel: Kernel;
  private readonly host: Host;
  private readonly dev: Netdev;
  private readonly peer: Netdev;
  private readonly family: Family;
  private listener: TcpSocket | null = null;
  private conn: TcpSocket | null = null;
  private startNs: number = 0;
  private kernelIsn: number = 0;
  private kernelPort: number = KERNEL_PORT;
  private lastTsval: number = 0;
  private haveIsn: boolean = false;
  private inCall: boolean = false;
  private readonly held: string[] = [];

  constructor(c: TcpCase) {
    this.kernel = testKernel(3);
    this.host = addHost(this.kernel, "k");
    const far = addHost(this.kernel, "peer");
    [this.dev, this.peer] = veth(this.host, "tun0", far, "eth0");
    // a TUN device computes no checksums
    this.dev.txChecksumOffload = false;
    this.family = c.family === 6 ? AF_INET6 : AF_INET;
    address(this.dev, "10.9.0.2/24", "fd09::2/64");
    permanent(this.dev, "10.9.0.1", formatMac(this.peer.mac));
    permanent(this.dev, "fd09::1", formatMac(this.peer.mac));
    for (const s of ["tcp_congestion_control=reno", "tcp_early_retrans=0", ...(c.sysctl ?? [])]) {
      const eq = s.indexOf("=");
      setSysctl(this.host, `net.ipv4.${s.slice(0, eq)}`, s.slice(eq + 1));
    }
    this.dev.taps = [...this.dev.taps, this];
    this.pass(50);
    this.startNs = this.kernel.engine.nowNs;
  }

  onPacket(skb: Skb, outgoing: boolean): void {
    if (!outgoing) return;
    const bytes = this.kernel.arena.u8.slice(skb.data + ETH, skb.data + skb.len);
    this.show(bytes);
  }

  pass(ms: number): void {
    if (!this.kernel.engine.run(this.kernel.engine.nowNs + ms * 1e6, 10_000_000)) throw new Error("no rest");
  }

  private show(p: Uint8Array): void {
    const v6 = this.family === AF_INET6;
    const dv = new DataView(p.buffer, p.byteOffset, p.length);
    if (p[0]! >> 4 !== (v6 ? 6 : 4) || p[v6 ? 6 : 9] !== 6) return;
    const t = v6 ? 40 : (p[0]! & 15) * 4;
    const end = t + (p[t + 12]! >> 4) * 4;
    const flags = p[t + 13]!;
    const seq = dv.getUint32(t + 4);
    if ((flags & 2) !== 0 && (flags & 4) === 0) {
      this.kernelIsn = seq;
      this.haveIsn = true;
      this.kernelPort = dv.getUint16(t);
    }
    const names = [...FLAGS].filter((_, i) => ((flags >> i) & 1) !== 0).join("");
    const ms = ((this.kernel.engine.nowNs - this.startNs) / 1e6).toFixed(1);
    const s = this.haveIsn ? (seq - this.kernelIsn) | 0 : seq | 0;
    const a = (flags & 16) !== 0 ? (dv.getUint32(t + 8) - PEER_ISN) | 0 : 0;
    let line = `pkt ${ms} ${names} ${s} ${a} ${dv.getUint16(t + 14)} ${p.length - end} ${this.options(dv, t + 20, end)}`;
    const tos = v6 ? (dv.getUint16(0) >> 4) & 255 : p[1]!;
    if (tos !== 0) line += ` tos=${tos}`;
    const to = dv.getUint16(t + 2);
    if (to !== PEER_PORT) line += ` port=${to}`;
    (this.inCall ? this.held : this.out).push(line);
  }

  private options(dv: DataView, from: number, end: number): string {
    const out: string[] = [];
    for (let i = from; i < end; ) {
      const kind = dv.getUint8(i);
      const len = kind < 2 ? 1 : dv.getUint8(i + 1);
      if (kind === 0) out.push("eol");
      else if (kind === 1) out.push("nop");
      else if (kind === 2) out.push(`mss${dv.getUint16(i + 2)}`);
      else if (kind === 3) out.push(`ws${dv.getUint8(i + 2)}`);
      else if (kind === 4) out.push("sackok");
      else if (kind === 8) {
        this.lastTsval = dv.getUint32(i + 2);
        out.push(`ts:${dv.getUint32(i + 6)}`);
      } else if (kind === 5) {
        let s = "sack";
        for (let j = 2; j < len; j += 8) {
          s += `:${(dv.getUint32(i + j) - PEER_ISN) | 0}-${(dv.getUint32(i + j + 4) - PEER_ISN) | 0}`;
        }
        out.push(s);
      } else out.push(`opt${kind}`);
      if (kind === 0) break;
      i += len;
    }
    return out.length === 0 ? "-" : out.join(",");
  }

  private answer(name: string, rc: number): void {
    this.out.push(`call ${name} ${rc}`, ...this.held.splice(0));
    this.inCall = false;
    this.pass(2);
  }

  private call(name: string, f: () => number): void {
    let rc: number;
    try {
      rc = f();
    } catch (e) {
      if (!(e instanceof NetlinkError)) throw e;
      rc = -e.errno;
    }
    this.answer(name, rc);
  }

  /** Plays one line. What is sent during a call is printed behind its answer, as the runner reads it then. */
  step(line: string): void {
    const isWait = line.startsWith("wait ");
    if (!isWait) this.startNs = this.kernel.engine.nowNs;
    this.inCall = !isWait && !line.startsWith("send ");
    this.play(line);
  }

  private play(line: string): void {
    const [op, ...w] = line.split(" ") as [string, ...string[]];
    const n = Number(w[0] ?? 0);
    const fd = this.conn ?? this.listener;
    const v6 = this.family === AF_INET6;
    switch (op) {
      case "socket":
        this.listener = openTcp(this.host, this.family);
        break;
      case "listen":
        this.listener ??= openTcp(this.host, this.family);
        this.listener.skReuse = true;
        this.listener.bind(ip(v6 ? "fd09::2" : "10.9.0.2"), KERNEL_PORT);
        this.call(op, () => {
          this.listener!.listen(n);
          return 0;
        });
        break;
      case "accept": {
        this.conn = this.listener!.accept();
        this.answer(op, this.conn === null ? -11 : 0);
        break;
      }
      case "connect":
        this.conn = this.listener ?? openTcp(this.host, this.family);
        this.listener = null;
        this.call(op, () => {
          this.conn!.connect(ip(v6 ? "fd09::1" : "10.9.0.1"), PEER_PORT);
          return -EINPROGRESS;
        });
        break;
      case "write":
        this.answer(op, this.conn!.write(new Uint8Array(n)));
        break;
      case "read":
        this.answer(op, this.conn!.read(new Uint8Array(n)));
        break;
      case "shutdown":
        this.call(op, () => {
          this.conn!.shutdown(n);
          return 0;
        });
        break;
      case "close":
        this.conn!.close();
        this.conn = null;
        this.answer(op, 0);
        break;
      case "closelistener":
        this.listener!.close();
        this.listener = null;
        this.answer(op, 0);
        break;
      case "opt":
        this.answer(op, tcpSetsockopt(fd!, n, Number(w[1]), Number(w[2])));
        break;
      case "linger":
        fd!.lingerS = n !== 0 ? Number(w[1]) : -1;
        this.answer("opt", 0);
        break;
      case "wait":
        this.pass(n);
        break;
      case "send":
        this.send(w);
        break;
      default:
        throw new Error(`unknown step ${line}`);
    }
  }

  private send(w: readonly string[]): void {
    const v6 = this.family === AF_INET6;
    const [flags, seq, ack, window, len] = w as [string, string, string, string, string];
    let bits = [...flags].reduce((b, c) => b | (1 << FLAGS.indexOf(c)), 0);
    const opt: number[] = [];
    const u32 = (x: number): number[] => [(x >>> 24) & 255, (x >>> 16) & 255, (x >>> 8) & 255, x & 255];
    let port = PEER_PORT;
    let tos = 0;
    let bad = 0;
    let urg = 0;
    for (const word of w.slice(5)) {
      const [key, text = ""] = word.split("=") as [string, string?];
      const v = Number(text);
      if (key === "mss") opt.push(2, 4, v >> 8, v & 255);
      else if (key === "ws") opt.push(1, 3, 3, v);
      else if (key === "sackok") opt.push(1, 1, 4, 2);
      else if (key === "ts") opt.push(1, 1, 8, 10, ...u32(v), ...u32(this.lastTsval));
      else if (key === "sack") {
        const blocks = text.split(",").map((b) => b.split("-").map(Number) as [number, number]);
        opt.push(1, 1, 5, 2 + 8 * blocks.length);
        for (const [from, to] of blocks) opt.push(...u32(from + this.kernelIsn), ...u32(to + this.kernelIsn));
      } else if (key === "port") port = v;
      else if (key === "tos") tos = v;
      else if (key === "urg") urg = v;
      else if (key === "badsum") bad = 1;
      else if (key === "ece") bits |= 64;
      else if (key === "cwr") bits |= 128;
      else throw new Error(`unknown word ${word}`);
    }
    const n = Number(len);
    const iph = v6 ? 40 : 20;
    const tcp = 20 + opt.length + n;
    const skb = this.kernel.allocSkb(ETH + iph + tcp)!;
    const { arena } = this.kernel;
    const { u8, dv } = arena;
    const e = skb.data;
    u8.fill(0, e, e + skb.len);
    u8.set(this.dev.mac, e);
    u8.set(this.peer.mac, e + 6);
    dv.setUint16(e + 12, v6 ? 0x86dd : 0x0800);
    const p = e + ETH;
    const t = p + iph;
    dv.setUint16(t, port);
    dv.setUint16(t + 2, this.kernelPort);
    dv.setUint32(t + 4, PEER_ISN + Number(seq));
    dv.setUint32(t + 8, (bits & 16) !== 0 ? this.kernelIsn + Number(ack) : 0);
    dv.setUint8(t + 12, ((20 + opt.length) / 4) << 4);
    dv.setUint8(t + 13, bits);
    dv.setUint16(t + 14, Number(window));
    dv.setUint16(t + 18, urg);
    u8.set(opt, t + 20);
    if (v6) {
      dv.setUint16(p, 0x6000 | (tos << 4));
      dv.setUint16(p + 4, tcp);
      dv.setUint16(p + 6, 0x0640);
      const words = [ip("fd09::1"), ip("fd09::2")].flatMap((x) => [x.a, x.b, x.c, x.d]);
      for (const [i, x] of words.entries()) dv.setUint32(p + 8 + 4 * i, x);
    } else {
      dv.setUint16(p, 0x4500 | tos);
      dv.setUint16(p + 2, iph + tcp);
      dv.setUint16(p + 8, 0x4006);
      dv.setUint32(p + 12, ip("10.9.0.1").a);
      dv.setUint32(p + 16, ip("10.9.0.2").a);
      dv.setUint16(p + 10, csumFold(csumPartial(arena, p, 20, 0)), true);
    }
    const pseudo = csumPseudo(arena, v6 ? p + 8 : p + 12, v6 ? 32 : 8, tcp, 6);
    dv.setUint16(t + 16, csumFold(csumPartial(arena, t, tcp, pseudo)) ^ (bad << 8), true);
    skb.dev = this.peer;
    skb.protocol = v6 ? 0x86dd : 0x0800;
    this.kernel.paths.devQueueXmit(skb);
    this.pass(2);
  }
}

/** @returns what runner.c would have printed */
export function replayCase(c: TcpCase): readonly string[] {
  const r = new Replay(c);
  for (const line of c.script) r.step(line);
  return r.out;
}
