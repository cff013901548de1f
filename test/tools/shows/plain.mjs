// What bpftool prints without what differs from run to run and from machine to machine: ids are counted by their order, times and sizes of
// compiled code are masked.

/** @param output of bpftool @param ids ids of one session so far, by kind: an object that is kept between outputs */
export function plain(output, ids) {
  const number = (kind, id) => {
    ids[kind] ??= {};
    ids[kind][id] ??= Object.keys(ids[kind]).length + 1;
    return ids[kind][id];
  };
  const list = (kind, text) =>
    text
      .split(",")
      .map((id) => number(kind, id.trim()))
      .sort((a, b) => a - b)
      .join(",");
  return output
    .replace(/^(\d+): (?=\w+ {2}(?:name \S+ {2})?tag )/gm, (_, id) => `${number("prog", id)}: `)
    .replace(/^(\d+): (?=\w+ {2}(?:name \S+ {2})?flags )/gm, (_, id) => `${number("map", id)}: `)
    .replace(/^(\d+): (?=name \S+ {2}size )/gm, (_, id) => `${number("btf", id)}: `)
    .replace(/("id": ?)(\d+)(?=,\s*"(type|size)": ?"?(\w+))/g, (_, head, id, field, value) => {
      if (field === "size") return `${head}${number("btf", id)}`;
      return `${head}${number(/^(xdp|sched_\w+|socket_\w+)$/.test(value) ? "prog" : "map", id)}`;
    })
    .replace(/\b(map|prog)_ids ([\d,]+)/g, (_, kind, text) => `${kind}_ids ${list(kind, text)}`)
    .replace(/("(map|prog)_ids": ?\[)([\d,\s]*\d)/g, (_, head, kind, text) => `${head}${list(kind, text)}`)
    .replace(/(btf_id"?:? ?)(\d+)/g, (_, head, id) => `${head}${number("btf", id)}`)
    .replace(/loaded_at \S+/g, "loaded_at TIME")
    .replace(/("loaded_at": ?)\d+/g, "$1TIME")
    .replace(/(xlated|jited) \d+B/g, "$1 SIZE")
    .replace(/("bytes_(?:xlated|jited)": ?)\d+/g, "$1SIZE")
    .replace(/(run_time_ns"?:? ?)\d+/g, "$1TIME");
}
