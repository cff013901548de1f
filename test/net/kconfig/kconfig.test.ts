/** `extern ... __kconfig` on a simulated host, against what libbpf put into the same map on Linux (answers.json). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type KernelConfig, kconfigBytes } from "../../../sim/bpf/kernel-config.ts";
import type { KconfigVariable, MapSpec } from "../../../sim/bpf/spec.ts";
import { loadObjectOnHost } from "../../../sim/net/bpf-objects.ts";
import { progTestRun } from "../../../sim/net/prog-test-run.ts";
import { addHost, createKernel } from "../../../sim/net/stack.ts";
import { fixture, refusal } from "../../bpf/object/fixtures.ts";

interface Answers {
  readonly retval: number;
  readonly maps: readonly {
    readonly name: string;
    readonly size: number;
    readonly flags: number;
    readonly frozen: number;
    readonly value: string;
  }[];
}
const answers = JSON.parse(readFileSync(new URL("answers.json", import.meta.url), "utf8")) as Answers;

describe("the kernel's configuration", () => {
  const host = addHost(createKernel({ seed: 1, idealCpu: true }), "h", {});
  const loaded = loadObjectOnHost(host, fixture("kconfig"));
  const ran = progTestRun(host, loaded.program("asks"), { data: new Uint8Array(64) });

  it("the program returns what it returns on Linux", () => {
    expect(typeof ran === "number" ? ran : ran.retval).toBe(answers.retval);
  });

  it.each(answers.maps)("$name holds Linux's bytes", ({ name, size, flags, frozen, value }) => {
    const map = loaded.map(name);
    expect(map.spec.valueSize).toBe(size);
    expect(map.spec.flags).toBe(flags);
    expect(map.spec.readonly).toBe(frozen === 1);
    const key = new Uint8Array(4);
    const bytes = map.read(key)!;
    expect(Buffer.from(bytes).toString("hex")).toBe(value);
  });

  it("an option that the kernel does not have keeps the whole object out, in libbpf's words", () => {
    const found = refusal(() => loadObjectOnHost(host, fixture("kconfig_strong"), { programs: ["does_not_ask"] }));
    expect(found.code).toBe("EXTERN_UNRESOLVED");
    expect(found.message).toMatch(/kconfig_strong\.o: .*extern 'CONFIG_NOT_THERE' \(strong\): not resolved/);
  });
});

describe("kconfigBytes", () => {
  const options = new Map(Object.entries({ CONFIG_Y: "y", CONFIG_M: "m", CONFIG_N: "300", CONFIG_T: '"text"' }));
  const kernel: KernelConfig = { version: 0x61200, bpfCookie: true, syscallWrapper: false, options };
  const bytesOf = (v: Partial<KconfigVariable>): string => {
    const full: KconfigVariable = { name: "", weak: false, offset: 0, size: 1, type: "char", signed: false, ...v };
    const spec = { valueSize: full.size, kconfig: [full] } as unknown as MapSpec;
    return Buffer.from(kconfigBytes("x.o", spec, kernel)).toString("hex");
  };

  it.each<[string, Partial<KconfigVariable>, string]>([
    ["y as bool", { name: "CONFIG_Y", type: "bool" }, "01"],
    ["m as a tristate", { name: "CONFIG_M", type: "tristate", size: 4 }, "02000000"],
    ["m as char", { name: "CONFIG_M", type: "char" }, "6d"],
    ["a number", { name: "CONFIG_N", type: "int", size: 2 }, "2c01"],
    ["a text that is too long", { name: "CONFIG_T", type: "char array", size: 3 }, "746500"],
    ["a text with room", { name: "CONFIG_T", type: "char array", size: 6 }, "746578740000"],
    ["the version", { name: "LINUX_KERNEL_VERSION", type: "int", size: 4 }, "00120600"],
    ["a weak one that is missing", { name: "CONFIG_NONE", weak: true, type: "int", size: 4 }, "00000000"],
    ["a weak virtual one of a later libbpf", { name: "LINUX_HAS_X", weak: true, type: "bool" }, "00"],
  ])("fills in %s", (_, variable, expected) => {
    expect(bytesOf(variable)).toBe(expected);
  });

  it.each<[Partial<KconfigVariable>, string]>([
    [{ name: "CONFIG_M", type: "bool" }, "value 'm' implies tristate or char type"],
    [{ name: "CONFIG_Y", type: "int", size: 4 }, "value 'y' implies bool, tristate, or char type"],
    [{ name: "CONFIG_N", type: "bool" }, "value '300' implies integer type"],
    [{ name: "CONFIG_N", type: "char" }, "value '300' doesn't fit in 1 bytes"],
    [{ name: "CONFIG_T", type: "int", size: 4 }, "value '\"text\"' implies char array type"],
    [{ name: "LINUX_KERNEL_VERSION", type: "tristate", size: 4 }, "implies integer, char, or boolean type"],
    [{ name: "CONFIG_NONE", type: "bool" }, "extern 'CONFIG_NONE' (strong): not resolved"],
    [{ name: "LINUX_HAS_X", type: "bool" }, "extern (kcfg) 'LINUX_HAS_X': unrecognized virtual extern"],
    [{ name: "OTHER", weak: true, type: "bool" }, "extern (kcfg) 'OTHER': unrecognized virtual extern"],
  ])("refuses %o", (variable, message) => {
    expect(refusal(() => bytesOf(variable)).message).toContain(message);
  });
});
