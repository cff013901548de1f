/** A small network on which the tools run, as the recordings in test/kernel/vectors/text have it. */
import { readFileSync } from "node:fs";
import { run } from "effection";
import { LabError } from "../../sim/engine/errors.ts";
import { setUp } from "../../sim/net/devices/device.ts";
import { createVethPair } from "../../sim/net/devices/veth.ts";
import type { Host } from "../../sim/net/host.ts";
import { parseMac } from "../../sim/net/ip/address.ts";
import type { Kernel } from "../../sim/net/kernel.ts";
import { addHost, createKernel } from "../../sim/net/stack.ts";
import { runCommand } from "../../sim/tools/run-command.ts";
import type { ToolResult, ToolSession } from "../../sim/tools/tool.ts";
import { packet } from "../net/kit.ts";

const PROGRAMS = new URL("../../programs/", import.meta.url);

/** Ends of the recorded networks. */
const ENDS = {
  va: { host: "a", index: 10, ip: "10.9.0.1/24" },
  vb: { host: "b", index: 11, ip: "10.9.0.2/24" },
  vc: { host: "b", index: 12, ip: "10.9.1.2/24" },
  vd: { host: "d", index: 13, ip: "10.9.1.1/24" },
} as const;

export interface NetworkOptions {
  readonly ipv6?: boolean;
  /** Transmit queues of each device. */
  readonly txQueues?: number;
  readonly cpus?: number;
}

export class ToolNetwork {
  readonly kernel: Kernel;
  readonly hosts: ReadonlyMap<string, Host>;

  /** a:va -- b:vb, and with `row` b:vc -- d:vd. */
  constructor(kind: "pair" | "row", options: NetworkOptions = {}) {
    this.kernel = createKernel({ seed: 1, idealCpu: true });
    const names = kind === "pair" ? ["a", "b"] : ["a", "b", "d"];
    this.hosts = new Map(names.map((n) => [n, addHost(this.kernel, n, { cpus: options.cpus ?? 2 })]));
    this.link("va", "vb", options);
    if (kind === "row") this.link("vc", "vd", options);
  }

  private link(one: keyof typeof ENDS, other: keyof typeof ENDS, options: NetworkOptions): void {
    const ends = [one, other].map((name) => {
      const host = this.hosts.get(ENDS[name].host)!;
      const mac = parseMac(`02:00:00:00:00:${ENDS[name].index}`)!;
      return { host, name, o: { name, mac, ifindex: ENDS[name].index, txQueues: options.txQueues ?? 1 } };
    });
    const devs = createVethPair(ends[0]!.host, ends[0]!.o, ends[1]!.host, ends[1]!.o);
    for (const [i, dev] of devs.entries()) {
      if (options.ipv6 !== true) {
        this.do(ends[i]!.host.name, `sysctl -qw net.ipv6.conf.${dev.name}.disable_ipv6=1`);
        this.do(ends[i]!.host.name, "sysctl -qw net.ipv6.conf.lo.disable_ipv6=1");
      }
      setUp(dev);
    }
    for (const { host, name } of ends) this.do(host.name, `ip addr add ${ENDS[name].ip} dev ${name}`);
  }

  session(host: string): ToolSession {
    const found = this.hosts.get(host);
    if (found === undefined) throw new Error(`no host ${host}`);
    return {
      host: found,
      readFile: (path) => {
        try {
          return readFileSync(new URL(path, PROGRAMS));
        } catch {
          throw new LabError([{ code: "FILE", message: `${path}: no such file` }]);
        }
      },
    };
  }

  /** Runs simulated time. */
  wait(ns: number): void {
    this.kernel.engine.run(this.kernel.engine.nowNs + ns, 10_000_000);
  }

  /** A command that takes no time and must succeed. */
  do(host: string, line: string): string {
    const operation = runCommand(this.session(host), line)[Symbol.iterator]();
    const step = operation.next();
    if (step.done !== true) throw new Error(`${line}: takes time`);
    const result = step.value;
    if (result.status !== 0) throw new Error(`${host}: ${line}\n${result.stdout}${result.stderr}`);
    return result.stdout;
  }

  /** Runs a command to its end while simulated time goes on. */
  async exec(host: string, line: string | readonly string[]): Promise<ToolResult> {
    let done: ToolResult | null = null;
    let failed: unknown = null;
    const task = run(() => runCommand(this.session(host), line));
    task.then(
      (r) => {
        done = r;
      },
      (error: unknown) => {
        failed = error;
      },
    );
    await new Promise((next) => setImmediate(next));
    while (done === null && failed === null) {
      this.wait(1_000_000);
      await new Promise((next) => setImmediate(next));
    }
    if (failed !== null) throw failed;
    return done!;
  }

  /** Sends frames out of a device, as a packet socket would. */
  send(host: string, dev: string, hex: string, count: number): void {
    const device = this.hosts.get(host)!.devByName.get(dev)!;
    const bytes = Uint8Array.from(hex.match(/../g)!, (h) => Number.parseInt(h, 16));
    for (let i = 0; i < count; i++) this.kernel.paths.devQueueXmit(packet(device, bytes));
  }
}
