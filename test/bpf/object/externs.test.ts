import { describe, expect, it } from "vitest";
import { type LoadObjectOptions, loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost, createKernel } from "../../../sim/net/stack.ts";
import { fixture, refusal } from "./fixtures.ts";

/** On a host of its own. */
function load(name: string, options: LoadObjectOptions = {}): ReturnType<typeof loadObjectOnHost> {
  return loadObjectOnHost(addHost(createKernel({ seed: 1, idealCpu: true }), "h"), fixture(name), options);
}

describe("functions of the kernel that are not there", () => {
  it.each([
    ["the program that calls it", { programs: ["calls"] }],
    ["another program", { programs: ["good"] }],
    ["all", {}],
  ])("strong: the object is refused, as by libbpf, whatever is asked for: %s", (_what, options) => {
    const { code, message } = refusal(() => load("externs", options));
    expect(code).toBe("EXTERN_UNRESOLVED");
    expect(message).toContain("extern (func ksym) 'bpf_no_such_kfunc': not found in kernel or module BTFs");
  });

  it("weak: everything loads, and the program learns that it is not there", () => {
    const object = load("externs_weak");
    const answer = progTestRun(object.host, object.program("calls"), { data: new Uint8Array(60) });
    expect(answer).toMatchObject({ retval: 1 });
  });
});
