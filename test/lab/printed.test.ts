import { describe, expect, it } from "vitest";
import { collectPrinted } from "../../sim/lab/collect.ts";
import { addHost, createKernel } from "../../sim/net/stack.ts";

describe("what programs print", () => {
  it("is collected from all hosts in the order of time, and of equal times in the order of hosts", () => {
    const kernel = createKernel({ seed: 1, idealCpu: true });
    const [a, b] = ["a", "b"].map((name) => addHost(kernel, name, { cpus: 2 }));
    b!.bpf.trace.add({ atNs: 1000, cpu: 1, text: "first" });
    a!.bpf.trace.add({ atNs: 2000, cpu: 0, text: "of a" });
    b!.bpf.trace.add({ atNs: 2000, cpu: 0, text: "of b" });
    expect(collectPrinted(kernel)).toEqual([
      { atNs: 1000, node: "b", cpu: 1, text: "first" },
      { atNs: 2000, node: "a", cpu: 0, text: "of a" },
      { atNs: 2000, node: "b", cpu: 0, text: "of b" },
    ]);
  });

  it("keeps the last thousand lines of a host", () => {
    const kernel = createKernel({ seed: 1, idealCpu: true });
    const host = addHost(kernel, "a", { cpus: 1 });
    for (let i = 0; i < 1500; i++) host.bpf.trace.add({ atNs: i, cpu: 0, text: String(i) });
    const kept = collectPrinted(kernel);
    expect([kept.length, kept[0]!.text, kept.at(-1)!.text]).toEqual([1000, "500", "1499"]);
  });
});
