import { describe, expect, it } from "vitest";
import type { AttachKind } from "../../../sim/bpf/attach-kinds.ts";
import type { ProgKind } from "../../../sim/bpf/prog-type.ts";
import { addHost } from "../../../sim/net/stack.ts";
import { program, testKernel } from "../../net/kit.ts";

describe("attach types of programs", () => {
  it.each<[ProgKind, AttachKind | undefined, string | null]>([
    ["sk_lookup", "sk_lookup", null],
    ["sk_lookup", undefined, "without an attach type (errno 22)"],
    ["sk_lookup", "xdp", "with attach type xdp (errno 22)"],
    ["cgroup_sock_addr", "cgroup_inet6_connect", null],
    ["cgroup_sock_addr", undefined, "without an attach type"],
    ["cgroup_skb", undefined, null],
    ["cgroup_skb", "sk_lookup", "with attach type sk_lookup"],
    ["sk_reuseport", undefined, null],
    ["flow_dissector", undefined, null],
    ["lwt_xmit", undefined, null],
  ])("%s for %s", (kind, attach, error) => {
    const host = addHost(testKernel(), "h");
    const load = () => program(host, "r0 = 1\nexit", { kind, ...(attach === undefined ? {} : { attach }) });
    if (error === null) expect(load().kind).toBe(kind);
    else expect(load).toThrow(error);
  });

  it("fields that an attach type gates are refused to others", () => {
    const host = addHost(testKernel(), "h");
    const source = "r0 = *(u32 *)(r1 + 4)\nr0 = 1\nexit";
    const ip4 = program(host, source, { kind: "cgroup_sock_addr", attach: "cgroup_inet4_bind" });
    const ip6 = program(host, source, { kind: "cgroup_sock_addr", attach: "cgroup_inet6_bind" });
    const ctx = host.kernel.arena.alloc(72);
    expect(ip4.run(ctx)).toBe(1);
    expect(() => ip6.run(ctx)).toThrow("invalid bpf_context access off=4 size=4");
  });
});
