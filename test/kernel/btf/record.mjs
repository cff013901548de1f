// Takes the types of the simulated kernel out of the running kernel's BTF, by the names in types.txt, and writes
// sim/net/btf/kernel.btf: node record.mjs [--check]. Needs bpftool and a kernel with BTF, not root.
// With --check it writes nothing and tells every type whose layout on the running kernel is not the recorded one.
import { spawnSync } from "node:child_process";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { fileURLToPath } from "node:url";
import { encodeBtf, KIND } from "./encode.mjs";
import { selectTypes } from "./select.mjs";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const target = here("../../../sim/net/btf/kernel.btf");
const check = process.argv.includes("--check");

/** A BTF file's types as bpftool lists them; 64-bit values stay text, since a double would round them. */
function typesOf(file) {
  const run = spawnSync("bpftool", ["-j", "btf", "dump", "file", file, "format", "raw"], {
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  if (run.status !== 0) throw new Error(`bpftool: ${run.error?.message ?? run.stderr}`);
  return JSON.parse(run.stdout.replace(/"val":(-?\d+)/g, '"val":"$1"')).types;
}

/** One line per type: all that matters of it, other types by name. */
function describe(types) {
  const at = (id) => types[id - 1];
  const nameOf = (id, depth = 0) => {
    const t = at(id);
    if (t === undefined) return "void";
    if (t.name !== undefined && t.name !== "(anon)")
      return `${t.kind === "FWD" ? t.fwd_kind.toUpperCase() : t.kind} ${t.name}`;
    return depth > 8 ? t.kind : bodyOf(t, depth + 1);
  };
  const bodyOf = (t, depth) => {
    const { id: _, name: __, index_type_id: ___, type_id, ret_type_id, members, params, vars, ...rest } = t;
    const parts = [JSON.stringify(rest)];
    if (type_id !== undefined) parts.push(nameOf(type_id, depth));
    if (ret_type_id !== undefined) parts.push(nameOf(ret_type_id, depth));
    for (const m of members ?? [])
      parts.push(`${m.name}@${m.bits_offset}:${m.bitfield_size ?? 0} ${nameOf(m.type_id, depth)}`);
    for (const p of params ?? []) parts.push(`${p.name} ${nameOf(p.type_id, depth)}`);
    return parts.join("; ");
  };
  const out = new Map();
  for (const t of types) {
    if (t.name === undefined || t.name === "(anon)" || ["FWD", "DATASEC", "DECL_TAG", "VAR"].includes(t.kind)) continue;
    const key = `${t.kind} ${t.name}`;
    out.set(key, [...(out.get(key) ?? []), bodyOf(t, 0)]);
  }
  return out;
}

const kernel = typesOf("/sys/kernel/btf/vmlinux");
if (check) {
  const [ours, theirs] = [describe(typesOf(target)), describe(kernel)];
  let differing = 0;
  for (const [key, bodies] of ours) {
    const known = theirs.get(key) ?? [];
    for (const body of bodies.filter((b) => !known.includes(b))) {
      console.log(
        `${key}\n  recorded: ${body}\n  Linux ${release()}: ${known.join("\n    or: ") || "has no such type"}`,
      );
      differing++;
    }
  }
  console.log(`${ours.size} names, ${differing} types differ from Linux ${release()}`);
  process.exitCode = differing > 0 ? 1 : 0;
} else {
  const { types, missing } = selectTypes(kernel, readFileSync(here("types.txt"), "utf8"));
  const bytes = encodeBtf(types);
  writeFileSync(`${target}.new`, bytes);
  renameSync(`${target}.new`, target);
  if (missing.length > 0) console.log(`Linux ${release()} has no ${missing.join(", ")}`);
  const structs = types.filter((t) => KIND[t.kind] === KIND.STRUCT).length;
  console.log(`${types.length} types, ${structs} structs, ${bytes.length} bytes of Linux ${release()} in ${target}`);
}
