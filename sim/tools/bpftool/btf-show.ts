/**
 * `bpftool btf show|list [id N]`: the kernel's types, and those that objects brought along.
 * @source bpftool btf.c do_show, show_btf_plain, show_btf_json
 * @differs an object that was loaded several times has one BTF; the kernel's is as large as kernel.btf
 */
import type { Btf } from "../../bpf/btf/types.ts";
import { kernelTypes } from "../../net/btf/kernel-types.ts";
import type { Host } from "../../net/host.ts";
import { btfId, btfOf, VMLINUX_BTF_ID } from "../bpf/prog-info.ts";
import { matches, type Words } from "../rtnetlink.ts";
import { mapBtf } from "./map-facts.ts";
import { type BpftoolFlags, bpftoolError, printBpftoolJson } from "./output.ts";

const ENOENT = 2;

interface Row {
  readonly id: number;
  readonly btf: Btf;
  readonly progs: number[];
  readonly maps: number[];
}

/** Runs it. */
export function showBtf(host: Host, words: Words, flags: BpftoolFlags): string {
  const rows = loaded(host);
  if (words.done) {
    if (!flags.json) return rows.map(text).join("");
    return printBpftoolJson(`[${rows.map(json).join(",")}]`, flags);
  }
  const word = words.next();
  if (!matches(word, "id")) throw bpftoolError(flags, `unrecognized BTF specifier: '${word}'`);
  const id = words.next();
  if (!/^\d+$/.test(id)) throw bpftoolError(flags, `can't parse ${id} as an integer`);
  const row = rows.find((r) => r.id === Number(id));
  if (row === undefined) throw bpftoolError(flags, `get btf by id (${id}): No such file or directory`, ENOENT);
  return flags.json ? printBpftoolJson(json(row), flags) : text(row);
}

/** Everything with an id, by id. */
function loaded(host: Host): readonly Row[] {
  const rows = new Map<Btf, Row>();
  const of = (btf: Btf): Row => {
    const known = rows.get(btf) ?? { id: btfId(host, btf), btf, progs: [], maps: [] };
    rows.set(btf, known);
    return known;
  };
  for (const p of host.bpf.programs.values()) {
    const btf = btfOf(p);
    if (btf !== null) of(btf).progs.push(p.id);
  }
  for (const m of host.bpf.maps.values()) {
    const btf = mapBtf(m);
    if (btf !== null) of(btf).maps.push(m.id);
  }
  const kernel: Row = { id: VMLINUX_BTF_ID, btf: kernelTypes.btf(), progs: [], maps: [] };
  return [kernel, ...[...rows.values()].sort((a, b) => a.id - b.id)];
}

function text({ id, btf, progs, maps }: Row): string {
  const name = id === VMLINUX_BTF_ID ? "[vmlinux]" : "<anon>";
  const list = (what: string, ids: readonly number[]): string => (ids.length === 0 ? "" : `  ${what} ${ids.join(",")}`);
  return `${id}: name ${name}  size ${btf.sizeBytes ?? 0}B${list("prog_ids", progs)}${list("map_ids", maps)}\n`;
}

function json({ id, btf, progs, maps }: Row): string {
  const kernel = id === VMLINUX_BTF_ID;
  const shown = { id, size: btf.sizeBytes ?? 0, prog_ids: progs, map_ids: maps, kernel };
  return JSON.stringify(kernel ? { ...shown, name: "vmlinux" } : shown);
}
