import { describe, expect, it } from "vitest";
import { setMtu } from "../../../sim/net/devices/device.ts";
import { createDevice } from "../../../sim/net/devices/index.ts";
import type { Netdev } from "../../../sim/net/netdev.ts";
import { NetlinkError } from "../../../sim/net/netlink-error.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { attachXdp, detachXdp } from "../../../sim/net/xdp/attach.ts";
import { program, returning, testKernel, veth } from "../kit.ts";

function rig(): { va: Netdev; vb: Netdev } {
  const kernel = testKernel();
  const [va, vb] = veth(addHost(kernel, "a"), "va", addHost(kernel, "b"), "vb");
  return { va, vb };
}

function refusal(f: () => void): string {
  try {
    f();
  } catch (error) {
    if (error instanceof NetlinkError) return error.message;
    throw error;
  }
  return "accepted";
}

describe("attaching XDP", () => {
  it("chooses native mode where the device has it, else generic", () => {
    const { vb } = rig();
    attachXdp(vb, returning(vb.host, 2));
    const dummy = createDevice(vb.host, "dummy", { name: "d0" });
    attachXdp(dummy, returning(vb.host, 2));
    expect([vb.xdp?.mode, dummy.xdp?.mode]).toEqual(["xdp", "xdpgeneric"]);
  });

  it.each([
    ["xdpdrv" as const, "xdpgeneric" as const],
    ["xdpgeneric" as const, "xdpdrv" as const],
  ])("a second mode is refused: %s, then %s", (first, second) => {
    const { vb } = rig();
    const prog = returning(vb.host, 2);
    attachXdp(vb, prog, { mode: first });
    const text = "Native and generic XDP can't be active at the same time";
    expect(refusal(() => attachXdp(vb, prog, { mode: second, force: true }))).toBe(text);
  });

  it("replacing a program needs force; its verdicts stay for the report", () => {
    const { vb } = rig();
    const first = returning(vb.host, 2);
    const second = returning(vb.host, 1);
    attachXdp(vb, first);
    expect(refusal(() => attachXdp(vb, second))).toBe("XDP program already attached");
    attachXdp(vb, second, { force: true });
    expect(vb.xdp?.prog).toBe(second);
    expect(vb.xdpPast.map((x) => x.prog)).toEqual([first]);
  });

  it("detaching another mode than the attached one does nothing", () => {
    const { vb } = rig();
    attachXdp(vb, returning(vb.host, 2), { mode: "xdpgeneric" });
    detachXdp(vb, "xdp");
    expect(vb.xdp?.mode).toBe("xdpgeneric");
    detachXdp(vb, "xdpgeneric");
    expect(vb.xdp).toBeNull();
  });

  it("native mode is refused where the driver has none, and offload everywhere", () => {
    const { vb } = rig();
    const dummy = createDevice(vb.host, "dummy", { name: "d0" });
    const prog = returning(vb.host, 2);
    expect(refusal(() => attachXdp(dummy, prog, { mode: "xdpdrv" }))).toBe(
      "Underlying driver does not support XDP in native mode",
    );
    expect(refusal(() => attachXdp(vb, prog, { mode: "xdpoffload" }))).toBe("Operation not supported");
  });

  it("a devmap program and a program of another type are refused", () => {
    const { vb } = rig();
    const devmap = program(vb.host, "r0 = 2\nexit", { attach: "xdp_devmap" });
    expect(refusal(() => attachXdp(vb, devmap))).toBe("BPF_XDP_DEVMAP programs can not be attached to a device");
    const cls = program(vb.host, "r0 = 0\nexit", { kind: "sched_cls" });
    expect(refusal(() => attachXdp(vb, cls))).toBe("Invalid argument");
  });

  // FACTS 4.1
  it.each([
    { peerMtu: 3506, frags: false, answer: "accepted" },
    { peerMtu: 3507, frags: false, answer: "veth: Peer MTU is too large to set XDP" },
    { peerMtu: 65535, frags: true, answer: "accepted" },
  ])("veth: peer MTU $peerMtu, frags $frags: $answer", ({ peerMtu, frags, answer }) => {
    const { va, vb } = rig();
    setMtu(va, peerMtu);
    const prog = program(vb.host, "r0 = 2\nexit", { frags });
    expect(refusal(() => attachXdp(vb, prog, { mode: "xdpdrv" }))).toBe(answer);
    expect(vb.xdp !== null).toBe(answer === "accepted");
    expect(refusal(() => attachXdp(vb, prog, { mode: "xdpgeneric", force: true }))).toBe(
      answer === "accepted" ? "Native and generic XDP can't be active at the same time" : "accepted",
    );
  });

  it("veth: with a native program the peer's MTU is bounded and its segmentation offload off, until it is detached", () => {
    const { va, vb } = rig();
    attachXdp(vb, returning(vb.host, 2));
    expect(refusal(() => setMtu(va, 9000))).toBe("mtu greater than device maximum");
    expect(refusal(() => setMtu(vb, 9000))).toBe("accepted");
    expect([va.tso, vb.tso]).toEqual([false, true]);
    detachXdp(vb);
    expect(refusal(() => setMtu(va, 9000))).toBe("accepted");
    expect(va.tso).toBe(true);
  });
});
