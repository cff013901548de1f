/** Damaged type information: `.BTF` and `.BTF.ext` of the corpus, read, listed and used to print values. */
import { decodeValue } from "../../sim/bpf/btf/decode-value.ts";
import { parseBtf } from "../../sim/bpf/btf/parse-btf.ts";
import { parseBtfExt } from "../../sim/bpf/btf/parse-btf-ext.ts";
import { sizeOf, typeName } from "../../sim/bpf/btf/query.ts";
import type { Btf } from "../../sim/bpf/btf/types.ts";
import { parseElf } from "../../sim/bpf/elf/elf.ts";
import type { RandomStream } from "../../sim/engine/streams.ts";
import { damageBytes } from "./mutate.ts";
import { objectCorpus } from "./objects.ts";
import { type Ending, endingOf, type FuzzTarget } from "./target.ts";

const VALUE_BYTES = 4096;
/** Types of one input that values are printed of. */
const TYPES_TRIED = 12;

interface Sections {
  readonly btf: Uint8Array;
  readonly ext: Uint8Array | null;
}

/** Damaged BTF. */
export const btf: FuzzTarget = {
  name: "BTF",
  share: 25,
  create() {
    const corpus = objectCorpus().flatMap(sectionsOf);
    const bytes = new Uint8Array(VALUE_BYTES).map((_, i) => i & 0xff);
    return (random) => {
      const { btf: types, ext } = corpus[random.below(corpus.length)]!;
      const extFirst = ext !== null && random.below(3) === 0;
      try {
        const parsed = parseBtf(extFirst ? types : damageBytes(types, random), { file: "damaged.o" });
        if (ext !== null) parseBtfExt(extFirst ? damageBytes(ext, random) : ext, parsed.strings, "damaged.o");
        return use(parsed.btf, bytes, random);
      } catch (error) {
        return endingOf(error);
      }
    };
  },
};

function sectionsOf(object: Uint8Array): Sections[] {
  const { sections } = parseElf(object, "corpus.o");
  const named = (name: string): Uint8Array | null => sections.find((s) => s.name === name)?.data ?? null;
  const types = named(".BTF");
  return types === null ? [] : [{ btf: types, ext: named(".BTF.ext") }];
}

function use(types: Btf, bytes: Uint8Array, random: RandomStream): Ending {
  for (let i = 0; i < TYPES_TRIED; i++) {
    const id = random.below(types.types.length);
    typeName(types, id);
    const size = sizeOf(types, id);
    if (size !== null && size <= VALUE_BYTES) decodeValue(types, id, bytes);
  }
  return "used";
}
