/** The types in a file: the `.BTF` section of an object, or a BTF file as `/sys/kernel/btf/vmlinux` is one. */
import { parseBtf } from "../btf/parse-btf.ts";
import type { Btf } from "../btf/types.ts";
import { parseElf } from "../elf/elf.ts";
import { objectError } from "../elf/object-error.ts";

const ELF_MAGIC = "\x7fELF";

/**
 * Parses an object's types as they stand in the file, data sections without their sizes.
 * @param path as the user wrote it, for messages
 * @throws ObjectError BTF_MISSING, and those of `parseElf` and `parseBtf`
 */
export function parseBtfFile(bytes: Uint8Array, path: string): Btf {
  const isElf = String.fromCharCode(...bytes.subarray(0, 4)) === ELF_MAGIC;
  if (!isElf) return parseBtf(bytes, { file: path }).btf;
  const section = parseElf(bytes, path).sections.find((s) => s.name === ".BTF" && s.size > 0);
  if (section === undefined) {
    throw objectError("BTF_MISSING", { file: path }, "the object has no types", "compile it with clang -g -target bpf");
  }
  return parseBtf(section.data, { file: path }).btf;
}
