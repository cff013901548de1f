// Chooses types of a kernel's BTF by name and numbers them anew, in the kernel's order.

const TYPES = new Set(["INT", "STRUCT", "UNION", "ENUM", "ENUM64", "TYPEDEF", "FLOAT"]);

/**
 * What the names in a list stand for, with all that is needed to lay it out: members by value as they are, pointed-to structs that
 * nobody named as forward declarations.
 * @param types of the kernel, as bpftool lists them
 * @param list lines of names, `func NAME`, `var NAME`, `# comment`
 * @returns the types with ids of their own, and the names that the kernel does not have
 */
export function selectTypes(types, list) {
  const at = (id) => types[id - 1];
  const { names, vars, funcs } = parseList(list);
  const tagged = new Map(
    types.filter((t) => t.kind === "DECL_TAG" && t.name === "bpf_kfunc").map((t) => [t.type_id, t]),
  );
  const roots = [];
  const found = new Set();
  for (const t of types) {
    const named = TYPES.has(t.kind) ? names.has(t.name) : t.kind === "VAR" ? vars.has(t.name) : false;
    const func = t.kind === "FUNC" && (funcs.has(t.name) || tagged.has(t.id));
    if (!named && !func) continue;
    roots.push(t.id);
    found.add(t.name);
  }
  // whole types, and structs of which only the name is needed
  const whole = new Set();
  const forward = new Set();
  const pending = roots.map((id) => [id, false]);
  while (pending.length > 0) {
    const [id, byPointer] = pending.pop();
    const t = at(id);
    if (t === undefined) continue;
    const composite = t.kind === "STRUCT" || t.kind === "UNION";
    if (composite && byPointer && t.name !== "(anon)") {
      forward.add(id);
      continue;
    }
    if (whole.has(id)) {
      // reached through a pointer first, by value now: what it holds must become whole as well
      if (byPointer || t.byValue) continue;
    }
    whole.add(id);
    t.byValue = !byPointer;
    const through =
      t.kind === "PTR" || t.kind === "FUNC_PROTO" || t.kind === "VAR" || t.kind === "FUNC" || (byPointer && !composite);
    for (const next of references(t)) pending.push([next, through]);
    if (tagged.has(id)) whole.add(tagged.get(id).id);
  }
  for (const id of whole) forward.delete(id);
  return {
    types: renumber(types, whole, forward),
    missing: [...names, ...vars, ...funcs].filter((n) => !found.has(n)),
  };
}

function parseList(list) {
  const names = new Set();
  const vars = new Set();
  const funcs = new Set();
  for (const line of list.split("\n")) {
    const words = line.replace(/#.*/, "").trim().split(/\s+/).filter(Boolean);
    if (words[0] === "func") funcs.add(words[1]);
    else if (words[0] === "var") vars.add(words[1]);
    else for (const w of words) names.add(w);
  }
  return { names, vars, funcs };
}

function references(t) {
  const out = [];
  if (t.type_id !== undefined && t.kind !== "DECL_TAG") out.push(t.type_id);
  if (t.ret_type_id !== undefined) out.push(t.ret_type_id);
  if (t.index_type_id !== undefined) out.push(t.index_type_id);
  for (const m of [...(t.members ?? []), ...(t.params ?? [])]) out.push(m.type_id);
  return out;
}

/** Forward declarations of one name are one type. A data section keeps the variables that stayed. */
function renumber(types, whole, forward) {
  const ids = new Map([[0, 0]]);
  const kept = [];
  const forwards = new Map();
  for (const t of types) {
    if (t.kind === "DATASEC") {
      const vars = t.vars.filter((v) => whole.has(v.type_id));
      if (vars.length > 0) kept.push({ ...t, vars });
      continue;
    }
    if (forward.has(t.id)) {
      const key = `${t.kind} ${t.name}`;
      if (!forwards.has(key)) {
        kept.push({ id: t.id, kind: "FWD", name: t.name, fwd_kind: t.kind === "UNION" ? "union" : "struct" });
        forwards.set(key, kept.length);
      }
      ids.set(t.id, forwards.get(key));
    } else if (whole.has(t.id)) {
      kept.push(t);
      ids.set(t.id, kept.length);
    }
  }
  const to = (id) => {
    if (!ids.has(id)) throw new Error(`type ${id} is referred to and was not chosen`);
    return ids.get(id);
  };
  return kept.map((t, i) => {
    const out = { ...t, id: i + 1 };
    for (const key of ["type_id", "ret_type_id", "index_type_id"]) if (t[key] !== undefined) out[key] = to(t[key]);
    for (const key of ["members", "params", "vars"]) {
      if (t[key] !== undefined) out[key] = t[key].map((m) => ({ ...m, type_id: to(m.type_id) }));
    }
    return out;
  });
}
