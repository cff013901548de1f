/** What TCP's tests share: qdiscs on devices, and transfers that check every byte. */

import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, type Family, type IpAddr } from "../../../sim/net/ip/address.ts";
import type { Kernel } from "../../../sim/net/kernel.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { TC_H_ROOT } from "../../../sim/net/qdiscs/base.ts";
import { qdiscDef } from "../../../sim/net/qdiscs/index.ts";
import { parseQdiscWords } from "../../../sim/net/qdiscs/params.ts";
import { modifyQdisc } from "../../../sim/net/qdiscs/tree.ts";
import { openTcp } from "../../../sim/net/sockets/index.ts";
import type { TcpSocket } from "../../../sim/net/tcp/tcp-socket.ts";
import { ip } from "../ip/kit.ts";

/** `tc qdisc add dev DEV root COMMAND`. */
export function qdisc(dev: Netdev, command: string): void {
  const [kind, ...words] = command.split(" ") as [string, ...string[]];
  const def = qdiscDef(kind)!;
  const parsed = def.parse?.(words) ?? parseQdiscWords(kind, def.params, words, def.refused, def.style);
  if (!parsed.ok) throw new Error(parsed.errors.join("\n"));
  modifyQdisc(dev, { verb: "add", def, options: parsed.options, parent: TC_H_ROOT, handle: 0x10000 });
}

/** Byte `i` of the stream that one side sends: not periodic within any window. */
export function byteAt(i: number, salt: number): number {
  return (Math.imul(i ^ salt, 0x9e3779b1) >>> 13) & 255;
}

/** One direction of a transfer. */
export class Stream {
  sent: number = 0;
  received: number = 0;
  /** Bytes that are not what was sent there. */
  wrong: number = 0;
  ended: boolean = false;
  private readonly total: number;
  private readonly salt: number;
  private readonly chunk: number;
  private readonly buf: Uint8Array;

  constructor(total: number, salt: number, chunk: number = 65536) {
    this.total = total;
    this.salt = salt;
    this.chunk = chunk;
    this.buf = new Uint8Array(chunk);
  }

  get complete(): boolean {
    return this.sent === this.total && this.received === this.total && this.wrong === 0 && this.ended;
  }

  /** Writes as much as goes; shuts down behind the last byte. */
  pump(s: TcpSocket): void {
    while (this.sent < this.total) {
      const n = Math.min(this.chunk, this.total - this.sent);
      for (let i = 0; i < n; i++) this.buf[i] = byteAt(this.sent + i, this.salt);
      const rc = s.write(this.buf, 0, n);
      if (rc <= 0) return;
      this.sent += rc;
    }
    if (!this.shut) {
      this.shut = true;
      s.shutdown(1);
    }
  }
  private shut: boolean = false;

  /** Reads what is there and checks it. */
  drain(s: TcpSocket): void {
    const into = new Uint8Array(this.chunk);
    for (let n = s.read(into); ; n = s.read(into)) {
      if (n === 0) this.ended = true;
      if (n <= 0) return;
      for (let i = 0; i < n; i++) if (into[i] !== byteAt(this.received + i, this.salt)) this.wrong++;
      this.received += n;
    }
  }
}

/** A transfer in both directions between two hosts. */
export interface Transfer {
  readonly up: Stream;
  readonly down: Stream;
  readonly client: TcpSocket;
  server: TcpSocket | null;
  readonly errors: number[];
}

/** Opens a connection from a to b and sends both streams; both ends close when they have read everything. */
export function transfer(
  a: Host,
  b: Host,
  to: string,
  up: Stream,
  down: Stream,
  o: { readonly family?: Family; readonly port?: number; readonly tune?: (s: TcpSocket) => void } = {},
): Transfer {
  const family = o.family ?? AF_INET;
  const port = o.port ?? 80;
  const listener = openTcp(b, family);
  listener.bind(ip(to), port);
  listener.listen(16);
  o.tune?.(listener);
  const client = openTcp(a, family);
  o.tune?.(client);
  const t: Transfer = { up, down, client, server: null, errors: [] };
  const serve = (s: TcpSocket, out: Stream, into: Stream): void => {
    const closeWhenDone = (): void => {
      if (out.complete || (out.sent > 0 && into.ended && s.atEnd)) s.close();
    };
    s.onReadable = () => {
      into.drain(s);
      if (into.ended && s.state === 7) closeWhenDone();
    };
    s.onWritable = () => out.pump(s);
    s.onError = (e) => t.errors.push(e);
  };
  listener.onAccept = () => {
    const s = listener.accept()!;
    t.server = s;
    serve(s, down, up);
    down.pump(s);
  };
  serve(client, up, down);
  client.onConnected = () => up.pump(client);
  client.connect(addr(to), port);
  return t;
}

function addr(text: string): IpAddr {
  return ip(text);
}

/** Runs until a condition holds, in steps of 10 ms. @returns simulated seconds it took, or -1 when it never held */
export function runUntil(kernel: Kernel, done: () => boolean, maxS: number): number {
  const start = kernel.engine.nowNs;
  while (kernel.engine.nowNs - start < maxS * 1e9) {
    if (done()) return (kernel.engine.nowNs - start) / 1e9;
    if (!kernel.engine.run(kernel.engine.nowNs + 10e6, 50_000_000)) throw new Error("did not come to rest");
  }
  return done() ? maxS : -1;
}
