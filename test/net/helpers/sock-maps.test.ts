/** Sockets in maps where BPF_PROG_RUN does not reach: the rules of net/core/sock_map.c, net/core/filter.c sk_select_reuseport and the verifier. */
import { readFileSync } from "node:fs";
import { beforeEach, describe, expect, it } from "vitest";
import type { BpfMachine } from "../../../sim/bpf/create-machine.ts";
import { createInterpreter } from "../../../sim/bpf/interp/interpreter.ts";
import type { BpfMap } from "../../../sim/bpf/map.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import { VerifierError } from "../../../sim/engine/errors.ts";
import type { Host } from "../../../sim/net/host.ts";
import { AF_INET, AF_INET6, ANY4, ANY6 } from "../../../sim/net/ip/address.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { openUdp } from "../../../sim/net/sockets/index.ts";
import type { UdpSocket } from "../../../sim/net/sockets/udp.ts";
import { addHost } from "../../../sim/net/stack.ts";
import type { TestRunRequest } from "../../../sim/net/test-run/test-run.ts";
import { btf, id as btfId } from "../../bpf/btf/kit.ts";
import { frame, makeMap, type ProgOptions, program, testKernel, words } from "../kit.ts";

const SOCK_OPS_BYTES = 224;
const NONE = new Uint8Array(0);

let host: Host;

beforeEach(() => {
  host = addHost(testKernel(), "h");
});

function bound(port: number, family: typeof AF_INET | typeof AF_INET6 = AF_INET): UdpSocket {
  const s = openUdp(host, family);
  s.bind(family === AF_INET ? ANY4 : ANY6, port);
  return s;
}

/** A socket that says of itself that SO_REUSEPORT was set before it was bound. */
function sharing(port: number, family: typeof AF_INET | typeof AF_INET6 = AF_INET): UdpSocket {
  return Object.defineProperty(bound(port, family), "reuseport", { value: true });
}

/** What a program answers, compiled and interpreted. */
function answers(source: string, o: ProgOptions, request: Partial<TestRunRequest> = {}): number[] {
  const interpreter = createInterpreter(host.kernel.machine as BpfMachine);
  const prog = program(host, source, o);
  return [undefined, (p: typeof prog, ctx: number) => interpreter.run(p, ctx)].map((execute) => {
    const given = { data: NONE, anyType: true, ...request, ...(execute === undefined ? {} : { execute }) };
    const answer = progTestRun(host, prog, given);
    return typeof answer === "number" ? answer : answer.retval | 0;
  });
}

const named = (...maps: BpfMap[]): ReadonlyMap<string, BpfMap> => new Map(maps.map((m) => [m.spec.name, m]));

/** r2 points to a key of 4 bytes, r1 holds the map. */
const keyed = (map: string, key: number): string => `
  r2 = ${key}
  *(u32 *)(r10 - 4) = r2
  r2 = r10
  r2 += -4
  r1 = map[${map}]`;

describe.each([
  ["sockmap", 53],
  ["sockhash", 70],
] as const)("programs of type sock_ops put their socket into a %s", (kind, helper) => {
  /** 1: the helper answers so; a program of this type answers 0 or 1. */
  const put = (flags: string, answer: number): string => `
    r6 = r1
    ${keyed(kind, 1)}
    r3 = r2
    r2 = r1
    r1 = r6
    ${flags}
    call ${helper}
    r1 = r0
    r0 = 1
    if r1 == ${answer} goto end
    r0 = 0
  end: exit`;
  const event = (op: number): Partial<TestRunRequest> => ({
    ctx: Uint8Array.from([op, ...new Uint8Array(SOCK_OPS_BYTES - 1)]),
  });

  it.each([
    ["a listener", 11, 0],
    ["a connection that it opened", 4, 0],
    ["a connection that it accepted", 5, 0],
    ["not while the time-out is asked for", 1, -95],
    ["not when the state changes", 10, -95],
  ])("%s", (_why, op, answer) => {
    const map = makeMap(host, kind, 4, { valueSize: 8 });
    const sock = bound(53);
    const o = { kind: "sock_ops", attach: "cgroup_sock_ops", maps: named(map) } as const;
    expect(answers(put("r4 = 0", answer), o, { ...event(op), sock })).toEqual([1, 1]);
    expect(map.read(words(1))).toEqual(answer === 0 ? words(sock.cookie, 0) : null);
  });

  it.each([
    ["r4 = 2", -2],
    ["r4 = 3", -22],
    ["r4 = 0x100000000 ll", -22],
  ])("with %s it is %i", (flags, answer) => {
    const o = { kind: "sock_ops", attach: "cgroup_sock_ops", maps: named(makeMap(host, kind, 4)) } as const;
    expect(answers(put(flags, answer), o, { ...event(4), sock: bound(53) })).toEqual([1, 1]);
  });
});

describe("which programs may change maps of sockets", () => {
  const change = (helper: number): string => `r3 = r1\n${keyed("sockmap", 0)}\nr4 = 0\ncall ${helper}\nr0 = 0\nexit`;
  const load = (kind: ProgKind, helper: number) => (): unknown =>
    program(host, change(helper), { kind, maps: named(makeMap(host, "sockmap", 4)) });

  it.each(["socket_filter", "sched_cls", "sched_act", "xdp", "flow_dissector"] as const)(
    "%s: put and delete",
    (kind) => {
      expect(load(kind, 2)).not.toThrow();
      expect(load(kind, 3)).not.toThrow();
    },
  );

  it.each(["cgroup_skb", "lwt_xmit", "sk_reuseport"] as const)("%s: neither", (kind) => {
    expect(load(kind, 2)).toThrow("cannot update sockmap in this context");
    expect(load(kind, 3)).toThrow("cannot update sockmap in this context");
  });

  it("syscall: it cannot use them at all", () => {
    expect(load("syscall", 2)).toThrow("Sleepable programs can only use array, hash, ringbuf and local storage maps");
  });

  it("sock_ops: delete, and put by the helpers of its own", () => {
    expect(load("sock_ops", 2)).toThrow("cannot update sockmap in this context");
    expect(load("sock_ops", 3)).not.toThrow();
  });
});

describe("what programs pass for a socket", () => {
  const passed = (what: string): string => `
    r6 = r1
    ${what}
    ${keyed("sockmap", 0)}
    r4 = 0
    call 2
    exit`;

  it.each([
    ["bytes of its stack", "r3 = r10\nr3 += -8"],
    ["its context", "r3 = r6"],
    ["null", "r3 = 0"],
  ])("%s: the run ends", (_why, what) => {
    const maps = named(makeMap(host, "sockmap", 4, { valueSize: 8 }));
    const prog = program(host, passed(what), { kind: "sched_cls", maps });
    const interpreter = createInterpreter(host.kernel.machine as BpfMachine);
    expect(() => progTestRun(host, prog, { data: frame() })).toThrow(VerifierError);
    const execute = (p: typeof prog, ctx: number): number => interpreter.run(p, ctx);
    expect(() => progTestRun(host, prog, { data: frame(), execute })).toThrow(VerifierError);
  });
});

interface Recorded {
  readonly kernel: string;
  /** By map: the answers of its slots, which hold what reuseport/runner.c put there. */
  readonly answers: Readonly<Record<string, readonly number[]>>;
}

const reuseport = JSON.parse(readFileSync(new URL("./reuseport/answers.json", import.meta.url), "utf8")) as Recorded;

describe(`bpf_sk_select_reuseport answers as Linux ${reuseport.kernel} does`, () => {
  const select = (map: string, slot: number): string => `
    r6 = r1
    ${keyed(map, slot)}
    r3 = r2
    r2 = r1
    r1 = r6
    r4 = 0
    call 82
    exit`;

  it.each(["sockmap", "sockhash", "reuseport_sockarray"] as const)(
    "%s: an empty slot, a socket that shares no port, one that shares another, one of another family",
    (kind) => {
      const map = makeMap(host, kind, 8);
      const own = bound(6000);
      [bound(6001), sharing(6002), sharing(6003, AF_INET6)].forEach((s, i) => {
        map.write(words(i + 1), words(s.cookie), 0);
      });
      const o = { kind: "sk_reuseport", attach: "sk_reuseport_select", maps: named(map) } as const;
      const got = [0, 1, 2, 3].map((slot) => answers(select(kind, slot), o, { sock: own }));
      // the kernel's fifth slot holds a TCP socket, and there is none here
      expect(got).toEqual(reuseport.answers[kind]!.slice(0, 4).map((answer) => [answer, answer]));
    },
  );
});

describe("bpf_get_socket_cookie", () => {
  it("sk_reuseport: of the socket that it is given", () => {
    const sock = bound(53);
    const o = { kind: "sk_reuseport", attach: "sk_reuseport_select" } as const;
    expect(answers("r1 = *(u64 *)(r1 + 40)\ncall 46\nexit", o, { sock })).toEqual([sock.cookie, sock.cookie]);
  });

  it("sched_cls: what is not its context ends the run", () => {
    const prog = program(host, "r1 = r10\nr1 += -8\ncall 46\nexit", { kind: "sched_cls" });
    expect(() => progTestRun(host, prog, { data: frame() })).toThrow(VerifierError);
  });
});

describe("a map of type sk_storage", () => {
  const keep = `
    r2 = *(u64 *)(r1 + 168)
    r1 = map[sk_storage]
    r3 = 0
    r4 = 1
    call 107
    if r0 == 0 goto out
    r0 = 1
  out: exit`;
  const storage = (): BpfMap =>
    makeMap(host, "sk_storage", 0, {
      flags: 1,
      btf,
      keyTypeId: btfId("int", "int"),
      valueTypeId: btfId("int", "int"),
    });

  it("forgets a value with its socket", () => {
    const map = storage();
    const s = bound(53);
    expect(map.write(words(s.cookie), words(7), 0)).toBe(0);
    expect(map.count()).toBe(1);
    s.close();
    expect(map.count()).toBe(0);
  });

  it("the packet's own socket has a value until the run ends", () => {
    const map = storage();
    expect(answers(keep, { kind: "cgroup_skb", maps: named(map) }, { data: frame() })).toEqual([1, 1]);
    expect(map.count()).toBe(0);
  });

  it("gives back what its values took of the option memory when it is destroyed", () => {
    const s = bound(53);
    const most = (): number => {
      let maps = 0;
      const made: BpfMap[] = [];
      for (let err = 0; err === 0; maps++) {
        const map = makeMap(host, "sk_storage", 0, {
          valueSize: 60000,
          flags: 1,
          btf,
          keyTypeId: btfId("int", "int"),
          valueTypeId: btfId("int", "int"),
        });
        made.push(map);
        err = map.write(words(s.cookie), new Uint8Array(60000), 0);
      }
      for (const map of made) map.destroy();
      return maps;
    };
    expect([most(), most()]).toEqual([3, 3]);
  });
});
