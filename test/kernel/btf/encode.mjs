// BTF types as `bpftool -j btf dump format raw` lists them, to the bytes of a BTF file.
// Source: Documentation/bpf/btf.rst

/** BTF_KIND_* by bpftool's names. */
export const KIND = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
};
const LINKAGE = { static: 0, global: 1, "global-alloc": 1, extern: 2 };
const ENCODING = { "(none)": 0, SIGNED: 1, CHAR: 2, BOOL: 4 };

/** @param types in order of their ids, 1 and up */
export function encodeBtf(types) {
  const offsets = new Map([["", 0]]);
  const strings = [Buffer.from([0])];
  let stringBytes = 1;
  const text = (name) => {
    const s = name === undefined || name === "(anon)" ? "" : name;
    if (!offsets.has(s)) {
      offsets.set(s, stringBytes);
      strings.push(Buffer.from(`${s}\0`));
      stringBytes += Buffer.byteLength(s) + 1;
    }
    return offsets.get(s);
  };
  const words = [];
  for (const t of types) {
    const { vlen, flag, sizeOrType, extra } = bodyOf(t, text);
    words.push(text(t.name), ((flag ? 1 << 31 : 0) | (KIND[t.kind] << 24) | vlen) >>> 0, sizeOrType, ...extra);
  }
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  [24, 0, words.length * 4, words.length * 4, stringBytes].forEach((v, i) => {
    header.writeUInt32LE(v, 4 + i * 4);
  });
  const body = Buffer.alloc(words.length * 4);
  words.forEach((w, i) => {
    body.writeUInt32LE(w >>> 0, i * 4);
  });
  return Buffer.concat([header, body, ...strings]);
}

function bodyOf(t, text) {
  const body = { vlen: 0, flag: false, sizeOrType: t.size ?? t.type_id ?? 0, extra: [] };
  switch (t.kind) {
    case "INT":
      body.extra = [(ENCODING[t.encoding] << 24) | (t.bits_offset << 16) | t.nr_bits];
      break;
    case "ARRAY":
      body.sizeOrType = 0;
      body.extra = [t.type_id, t.index_type_id, t.nr_elems];
      break;
    case "STRUCT":
    case "UNION":
      body.vlen = t.members.length;
      body.flag = t.members.some((m) => m.bitfield_size > 0);
      body.extra = t.members.flatMap((m) => [
        text(m.name),
        m.type_id,
        (body.flag ? (m.bitfield_size ?? 0) << 24 : 0) | m.bits_offset,
      ]);
      break;
    case "ENUM":
      body.vlen = t.values.length;
      body.flag = t.encoding === "SIGNED";
      body.extra = t.values.flatMap((v) => [text(v.name), Number(BigInt.asUintN(32, BigInt(v.val)))]);
      break;
    case "ENUM64":
      body.vlen = t.values.length;
      body.flag = t.encoding === "SIGNED";
      body.extra = t.values.flatMap((v) => {
        const value = BigInt.asUintN(64, BigInt(v.val));
        return [text(v.name), Number(value & 0xffffffffn), Number(value >> 32n)];
      });
      break;
    case "TYPE_TAG":
      // bpftool does not tell whether a tag is an attribute of the compiler's; this one always is
      body.flag = t.name.startsWith("address_space(");
      break;
    case "FWD":
      body.flag = t.fwd_kind === "union";
      break;
    case "FUNC":
      body.vlen = LINKAGE[t.linkage];
      break;
    case "FUNC_PROTO":
      body.vlen = t.params.length;
      body.sizeOrType = t.ret_type_id;
      body.extra = t.params.flatMap((p) => [text(p.name), p.type_id]);
      break;
    case "VAR":
      body.extra = [LINKAGE[t.linkage]];
      break;
    case "DATASEC":
      body.vlen = t.vars.length;
      body.extra = t.vars.flatMap((v) => [v.type_id, v.offset, v.size]);
      break;
    case "DECL_TAG":
      body.extra = [t.component_idx];
      break;
    default:
  }
  return body;
}
