/** The control plane of tc's hooks: defaults, order and the kernel's words, as measured on Linux 6.18 with iproute2. */
import { beforeEach, describe, expect, it } from "vitest";
import type { Program } from "../../../sim/bpf/program.ts";
import type { Host } from "../../../sim/net/host.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { ERRNO, NetlinkError } from "../../../sim/net/netlink-error.ts";
import { addBpfFilter, type BpfFilterOptions, delFilter, listFilters } from "../../../sim/net/tc/bpf-filters.ts";
import {
  addClsact,
  attachTcx,
  BPF_F_AFTER,
  BPF_F_BEFORE,
  BPF_F_REPLACE,
  clsactOf,
  delClsact,
  detachTcx,
  flushTc,
  listTcx,
} from "../../../sim/net/tc/control.ts";
import { returning } from "../kit.ts";
import { answering, pair } from "./kit.ts";

let dev: Netdev;
let host: Host;
let ok: Program;

beforeEach(() => {
  const p = pair();
  dev = p.b;
  host = p.hostB;
  ok = answering(host, 0);
});

/** The kernel's refusal of what `act` does. */
function refusal(act: () => unknown): { errno: number; extack: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof NetlinkError) return { errno: error.errno, extack: error.extack };
    throw error;
  }
  throw new Error("it was not refused");
}

const add = (o: Partial<BpfFilterOptions> = {}) =>
  addBpfFilter(dev, { direction: "ingress", prog: ok, directAction: true, ...o });

const listed = (direction: "ingress" | "egress" = "ingress") =>
  listFilters(dev, direction).map((f) => [f.pref, f.handle, f.protocol]);

describe("clsact", () => {
  it("has handle ffff: and parent ffff:fff1", () => {
    expect(addClsact(dev)).toMatchObject({ kind: "clsact", handle: 0xffff0000, parent: 0xfffffff1 });
    expect(clsactOf(dev)?.kind).toBe("clsact");
  });

  it("a second one is refused, of whichever of the two kinds", () => {
    addClsact(dev);
    const words = { errno: ERRNO.EEXIST, extack: "Exclusivity flag on, cannot modify" };
    expect(refusal(() => addClsact(dev))).toEqual(words);
    expect(refusal(() => addClsact(dev, "ingress"))).toEqual(words);
  });

  it("deleting one that never was and one that was are refused in different words", () => {
    expect(refusal(() => delClsact(dev)).extack).toBe("Cannot find specified qdisc on specified device");
    addClsact(dev);
    delClsact(dev);
    expect(refusal(() => delClsact(dev)).extack).toBe("Invalid handle");
  });

  it("an ingress qdisc is not deleted as clsact", () => {
    addClsact(dev, "ingress");
    expect(refusal(() => delClsact(dev)).extack).toBe("Invalid qdisc name: must match existing qdisc");
  });

  it("takes its filters along", () => {
    addClsact(dev);
    add();
    expect(dev.tcIngress).not.toBeNull();
    delClsact(dev);
    expect(dev.tcIngress).toBeNull();
    expect(listed()).toEqual([]);
  });

  it("an ingress qdisc has one block for both parents", () => {
    addClsact(dev, "ingress");
    add({ direction: "egress" });
    add();
    expect(listed().map((f) => f[0])).toEqual([49151, 49152]);
    expect(dev.tcEgress).toBeNull();
  });
});

describe("filters", () => {
  it("need a qdisc", () => {
    const words = { errno: ERRNO.EINVAL, extack: "Parent Qdisc doesn't exists" };
    expect(refusal(() => add())).toEqual(words);
    expect(refusal(() => delFilter(dev, "ingress"))).toEqual(words);
    expect(listed()).toEqual([]);
  });

  it("automatic preferences count down from 49152, handles up from 1; the order is that of tc filter show", () => {
    addClsact(dev);
    add();
    add();
    add({ pref: 5 });
    add({ pref: 5 });
    add({ pref: 5, handle: 7 });
    add({ pref: 6, protocol: 0x0800 });
    add({ protocol: 0x0800 });
    expect(listed()).toEqual([
      [5, 7, 3],
      [5, 2, 3],
      [5, 1, 3],
      [6, 1, 0x0800],
      [49150, 1, 0x0800],
      [49151, 1, 3],
      [49152, 1, 3],
    ]);
  });

  it("replace puts the new program in an old handle's place, else adds one", () => {
    addClsact(dev);
    add({ pref: 5, handle: 7 });
    add({ pref: 5 });
    const other = answering(host, 2);
    add({ pref: 5, handle: 7, prog: other, replace: true });
    add({ pref: 5, handle: 9, prog: other, replace: true });
    add({ pref: 5, prog: other, replace: true });
    expect(listed().map((f) => f[1])).toEqual([2, 9, 1, 7]);
    expect(listFilters(dev, "ingress").at(-1)?.prog).toBe(other);
  });

  it.each([
    { act: () => add({ pref: 5, handle: 1 }), errno: ERRNO.EEXIST, extack: "Filter already exists" },
    {
      act: () => add({ pref: 5, protocol: 0x0800 }),
      errno: ERRNO.EINVAL,
      extack: "Protocol mismatch for filter with specified priority",
    },
    {
      act: () => delFilter(dev, "ingress", { pref: 77 }),
      errno: ERRNO.ENOENT,
      extack: "Filter with specified priority/protocol not found",
    },
    {
      act: () => delFilter(dev, "ingress", { pref: 5, handle: 77 }),
      errno: ERRNO.ENOENT,
      extack: "Specified filter handle not found",
    },
    {
      act: () => delFilter(dev, "ingress", { pref: 5, protocol: 0x0800 }),
      errno: ERRNO.EINVAL,
      extack: "Protocol mismatch for filter with specified priority",
    },
    {
      act: () => delFilter(dev, "ingress", { handle: 1 }),
      errno: ERRNO.ENOENT,
      extack: "Cannot flush filters with protocol, handle or kind set",
    },
    {
      act: () => {
        add({ pref: 32768 });
        add();
      },
      errno: ERRNO.ENOSPC,
      extack: "Lowest ID from auto-alloc range already in use",
    },
    { act: () => add({ prog: returning(host, 2) }), errno: ERRNO.EINVAL, extack: "" },
  ])("refused: $extack", ({ act, errno, extack }) => {
    addClsact(dev);
    add({ pref: 5 });
    expect(refusal(act)).toEqual({ errno, extack });
  });

  it("are deleted one by one, by preference, or all", () => {
    addClsact(dev);
    add({ pref: 5 });
    add({ pref: 5 });
    add({ pref: 6 });
    add({ pref: 7 });
    delFilter(dev, "ingress", { pref: 5, handle: 1 });
    expect(listed()).toEqual([
      [5, 2, 3],
      [6, 1, 3],
      [7, 1, 3],
    ]);
    delFilter(dev, "ingress", { pref: 5 });
    delFilter(dev, "ingress", { pref: 6, handle: 1 });
    expect(listed()).toEqual([[7, 1, 3]]);
    delFilter(dev, "ingress");
    expect(dev.tcIngress).toBeNull();
  });
});

describe("tcx", () => {
  const order = () => listTcx(dev, "ingress").map((t) => t.prog);

  it("appends without flags and needs no qdisc", () => {
    const two = answering(host, 1);
    attachTcx(dev, "ingress", ok);
    attachTcx(dev, "ingress", two);
    expect(order()).toEqual([ok, two]);
    expect(dev.tcIngress).not.toBeNull();
  });

  it("before and after, with and without a program that they refer to", () => {
    const [first, second, third, fourth] = [1, 2, 3, 4].map((c) => answering(host, c)) as [
      Program,
      Program,
      Program,
      Program,
    ];
    attachTcx(dev, "ingress", ok);
    attachTcx(dev, "ingress", first, { flags: BPF_F_BEFORE });
    attachTcx(dev, "ingress", second, { flags: BPF_F_AFTER, relative: first });
    attachTcx(dev, "ingress", third, { flags: BPF_F_BEFORE, relative: ok });
    attachTcx(dev, "ingress", fourth, { flags: BPF_F_AFTER });
    expect(order()).toEqual([first, second, third, ok, fourth]);
  });

  it("replace takes the other's place", () => {
    const two = answering(host, 1);
    const three = answering(host, 2);
    attachTcx(dev, "ingress", ok);
    attachTcx(dev, "ingress", two);
    attachTcx(dev, "ingress", three, { flags: BPF_F_REPLACE, relative: ok });
    expect(order()).toEqual([three, two]);
  });

  it.each([
    { why: "there already", act: () => attachTcx(dev, "ingress", ok), errno: ERRNO.EEXIST },
    {
      why: "refers to one that is not there",
      act: () => attachTcx(dev, "ingress", answering(host, 1), { flags: BPF_F_AFTER, relative: answering(host, 3) }),
      errno: ERRNO.ENOENT,
    },
    {
      why: "before and after name different places",
      act: () => attachTcx(dev, "ingress", answering(host, 1), { flags: BPF_F_BEFORE | BPF_F_AFTER }),
      errno: ERRNO.ERANGE,
    },
    {
      why: "replace goes with neither",
      act: () => attachTcx(dev, "ingress", answering(host, 1), { flags: BPF_F_REPLACE | BPF_F_AFTER, relative: ok }),
      errno: ERRNO.EINVAL,
    },
    { why: "an XDP program", act: () => attachTcx(dev, "ingress", returning(host, 2)), errno: ERRNO.EINVAL },
    { why: "not attached in that direction", act: () => detachTcx(dev, "egress", ok), errno: ERRNO.ENOENT },
    {
      why: "the 65th",
      act: () => {
        for (let i = 1; i <= 64; i++) attachTcx(dev, "ingress", answering(host, i));
      },
      errno: ERRNO.ERANGE,
    },
  ])("refused: $why", ({ act, errno }) => {
    attachTcx(dev, "ingress", ok);
    expect(refusal(act).errno).toBe(errno);
  });

  it("detaching the last takes the hook away", () => {
    attachTcx(dev, "egress", ok);
    detachTcx(dev, "egress", ok);
    expect(dev.tcEgress).toBeNull();
  });
});

it("a device that goes away forgets qdisc, filters and tcx programs", () => {
  addClsact(dev);
  add();
  attachTcx(dev, "egress", ok);
  flushTc(dev);
  expect([dev.tcIngress, dev.tcEgress, clsactOf(dev)]).toEqual([null, null, null]);
});
