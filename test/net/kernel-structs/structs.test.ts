/** The kernel's own structs as programs of every type see them, in both engines; what Linux answers is in test/bpf/kfuncs. */
import { beforeEach, describe, expect, it } from "vitest";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import type { Program } from "../../../sim/bpf/program.ts";
import { kernelTypes } from "../../../sim/net/btf/kernel-types.ts";
import type { Host } from "../../../sim/net/host.ts";
import { StructLayout } from "../../../sim/net/kernel-structs/layout.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { frame, type ProgOptions, program, testKernel } from "../kit.ts";

let host: Host;

beforeEach(() => {
  host = addHost(testKernel(), "h", { cpus: 2 });
});

const at = (struct: string, field: string): number => new StructLayout(kernelTypes.btf(), struct).field(field).offset;

/** What a program answers, compiled and interpreted; a run that was stopped answers with the message. */
function run(text: string, o: ProgOptions & { readonly ctx?: Uint8Array; readonly data?: Uint8Array } = {}): unknown {
  const p = program(host, text, o);
  const interpreter = createInterpreter(host.kernel.machine as BpfMachine);
  const ask = (execute?: (p: Program, ctx: number) => number): unknown => {
    const data = o.data ?? frame();
    const request = { data, anyType: true, ...(o.ctx === undefined ? {} : { ctx: o.ctx }) };
    try {
      const answer = progTestRun(host, p, { ...request, ...(execute === undefined ? {} : { execute }) });
      return typeof answer === "number" ? answer : answer.retval;
    } catch (e) {
      host.kernel.machine.reset();
      host.kernel.env.resetRuns();
      return (e as Error).message;
    }
  };
  const compiled = ask();
  expect(ask((q, ctx) => interpreter.run(q, ctx))).toEqual(compiled);
  return compiled;
}

const cast = "call kfunc[bpf_cast_to_kern_ctx]\n";

describe("a struct of the kernel", () => {
  it("is not written by programs", () => {
    expect(run(`${cast}*(u32 *)(r0 +${at("xdp_buff", "frame_sz")}) = 1\nr0 = 2\nexit`)).toMatch(
      /write into struct xdp_buff forbidden/,
    );
  });

  it("ends where its type ends", () => {
    const { sizeBytes } = new StructLayout(kernelTypes.btf(), "xdp_buff");
    expect(run(`${cast}r0 = *(u64 *)(r0 +${sizeBytes - 8})\nr0 = 2\nexit`)).toBe(2);
    expect(run(`${cast}r0 = *(u64 *)(r0 +${sizeBytes})\nr0 = 2\nexit`)).toMatch(/invalid/);
  });

  it("a pointer in it that is null is not followed", () => {
    const text = `${cast}r1 = *(u64 *)(r0 +${at("xdp_buff", "txq")})\nr0 = *(u64 *)(r1 +0)\nr0 = 2\nexit`;
    expect(run(text)).toMatch(/invalid/);
  });

  it("a pointer to a device leads to the device", () => {
    const dev = at("xdp_rxq_info", "dev");
    const text = `${cast}r1 = *(u64 *)(r0 +${at("xdp_buff", "rxq")})\nr1 = *(u64 *)(r1 +${dev})\nr0 = *(u8 *)(r1 +${at("net_device", "name")})\nexit`;
    expect(run(text)).toBe("l".charCodeAt(0));
  });
});

it("the current task is the CPU's idle task", () => {
  const comm = at("task_struct", "comm");
  expect(run(`call 158\nr0 = *(u32 *)(r0 +${comm})\nexit`)).toBe(Buffer.from("swap").readUInt32LE());
  expect(run(`call 35\nr0 = *(u8 *)(r0 +${comm + 8})\nexit`)).toBe("0".charCodeAt(0));
});

describe("per-CPU variables of the kernel", () => {
  it("each CPU has its own", () => {
    const of = (cpu: number): string =>
      `r1 = ksym[cpu_number]\nr2 = ${cpu}\ncall 153\nif r0 == 0 goto out\nr0 = *(u32 *)(r0 +0)\nr0 += 5\nout: exit`;
    expect([0, 1, 2].map((cpu) => run(of(cpu)))).toEqual([5, 6, 0]);
    expect(run("r1 = ksym[softnet_data]\ncall 154\nr0 = *(u32 *)(r0 +0)\nexit")).toBe(0);
  });

  it("is of its type's size, or of the size that its section says", () => {
    expect(run("r1 = ksym[runqueues]\ncall 154\nr0 = *(u64 *)(r0 +3576)\nr0 = 2\nexit")).toBe(2);
    expect(run("r1 = ksym[runqueues]\ncall 154\nr0 = *(u64 *)(r0 +3584)\nr0 = 2\nexit")).toMatch(/invalid/);
  });

  it("a run queue says its CPU, and that the idle task runs", () => {
    const [cpu, curr, idle, comm] = [at("rq", "cpu"), at("rq", "curr"), at("rq", "idle"), at("task_struct", "comm")];
    const rq = "r1 = ksym[runqueues]\ncall 154\n";
    expect(run(`${rq}r0 = *(u32 *)(r0 +${cpu})\nr0 += 9\nexit`)).toBe(9);
    expect(run(`${rq}r1 = *(u64 *)(r0 +${curr})\nr0 = *(u64 *)(r0 +${idle})\nr0 -= r1\nexit`)).toBe(0);
    const swap = Buffer.from("swap").readUInt32LE();
    expect(run(`${rq}r0 = *(u64 *)(r0 +${curr})\nr0 = *(u32 *)(r0 +${comm})\nexit`)).toBe(swap);
  });

  it("is not read by its symbol", () => {
    expect(run("r1 = ksym[cpu_number]\nr0 = *(u32 *)(r1 +0)\nr0 = 2\nexit")).toMatch(/invalid/);
    expect(run("r1 = 0x100000\ncall 154\nr0 = 2\nexit")).toMatch(/expected pointer to per-CPU memory/);
  });

  it("what the kernel lacks is 0 when it is weak, and refused when not", () => {
    expect(run("r1 = ksym[?nobody]\nr0 = 1\nif r1 == 0 goto out\nr0 = 2\nout: exit")).toBe(1);
    expect(() => program(host, "r1 = ksym[nobody]\nr0 = 2\nexit")).toThrow(/not found in the kernel/);
  });
});

describe("programs of the socket types", () => {
  const word = (bytes: number, ...at: readonly (readonly [number, number])[]): Uint8Array => {
    const out = new Uint8Array(bytes);
    for (const [offset, value] of at) new DataView(out.buffer).setUint32(offset, value, true);
    return out;
  };

  it("sock_ops: the operation and its arguments", () => {
    const ctx = word(224, [0, 3], [4, 11], [16, 14], [72, 1]);
    const field = (name: string): string => `${cast}r0 = *(u32 *)(r0 +${at("bpf_sock_ops_kern", name)})\nexit`;
    const o = { kind: "sock_ops", ctx, data: new Uint8Array(0) } as const;
    const small = (name: string): string => `${cast}r0 = *(u8 *)(r0 +${at("bpf_sock_ops_kern", name)})\nr0 &= 1\nexit`;
    expect(run(small("op"), o)).toBe(1);
    expect(run(small("is_fullsock"), o)).toBe(1);
    expect(run(`${field("args").replace("exit", "r0 -= 10\nexit")}`, o)).toBe(1);
  });

  it("sock_addr: the address that user space gave", () => {
    const ctx = word(72, [0, 2], [4, 0x0100007f], [24, 0x3500]);
    const o = { kind: "cgroup_sock_addr", attach: "cgroup_inet4_connect", ctx, data: new Uint8Array(0) } as const;
    const uaddr = `${cast}r1 = *(u64 *)(r0 +${at("bpf_sock_addr_kern", "uaddr")})\n`;
    expect(run(`${uaddr}r0 = *(u16 *)(r1 +0)\nr0 -= 1\nexit`, o)).toBe(1);
    expect(run(`${uaddr}r0 = *(u8 *)(r1 +3)\nr0 &= 1\nexit`, o)).toBe(1);
    expect(run(`${uaddr}r0 = *(u8 *)(r1 +7)\nexit`, o)).toBe(1);
  });

  it("sock_ops: timestamps are asked for when something is sent only, and by the kernel's own context", () => {
    const ask = (op: number, flags: number): unknown => {
      const text = `${cast}r1 = r0\nr2 = ${flags}\ncall kfunc[bpf_sock_ops_enable_tx_tstamp]\nr0 = -r0\nr0 >>= 4\nexit`;
      return run(text, { kind: "sock_ops", ctx: word(224, [0, op]), data: new Uint8Array(0) });
    };
    // 0 of 0, 1 of -EINVAL (22), 5 of -EOPNOTSUPP (95)
    expect([ask(20, 0), ask(20, 1)]).toEqual([0, 1]);
    expect(ask(19, 0)).toMatch(/has value 5, should have been in \[0, 1\]/);
    const o = { kind: "sock_ops", ctx: word(224), data: new Uint8Array(0) } as const;
    expect(run("r2 = 0\ncall kfunc[bpf_sock_ops_enable_tx_tstamp]\nr0 = 1\nexit", o)).toMatch(
      /invalid bpf_context access|bpf_sock_ops_kern/,
    );
  });

  it("sock_addr: a socket that is no Unix one has no path", () => {
    const o = {
      kind: "cgroup_sock_addr",
      attach: "cgroup_inet4_connect",
      ctx: word(72, [0, 2]),
      data: new Uint8Array(0),
    } as const;
    const text = `*(u64 *)(r10 -8) = 0\n${cast}r1 = r0\nr2 = r10\nr2 += -8\nr3 = 8\ncall kfunc[bpf_sock_addr_set_sun_path]\nr0 += 23\nexit`;
    expect(run(text, o)).toBe(1);
  });

  it("sk_lookup: family, ports and the addresses that are no IPv4", () => {
    const ctx = word(72, [8, 10], [12, 17], [20, 0x01], [36, 0x3500], [60, 53]);
    const o = { kind: "sk_lookup", attach: "sk_lookup", ctx, data: new Uint8Array(0) } as const;
    const kern = (name: string): number => at("bpf_sk_lookup_kern", name);
    expect(run(`${cast}r0 = *(u16 *)(r0 +${kern("family")})\nr0 -= 9\nexit`, o)).toBe(1);
    expect(run(`${cast}r0 = *(u16 *)(r0 +${kern("dport")})\nr0 -= 52\nexit`, o)).toBe(1);
    expect(run(`${cast}r1 = *(u64 *)(r0 +${kern("v6.saddr")})\nr0 = *(u32 *)(r1 +0)\nexit`, o)).toBe(1);
  });
});
