// Sessions with maps, one after another, each with maps of its own: what user space and programs do to every type, with every
// flag, on keys that are there, missing, beyond the end, and on maps that are full, frozen, read-only or write-only.
//
// A step is a line of the oracle's: up, look, del, take, next, peek, freeze by user space; bl, bt, bu, bd its batches (lookup,
// lookup and delete, update, delete); pl, pu, pd, ... by programs. See map-oracle.c.

import { TYPES } from "./create-rows.mjs";

const le32 = (n) => Buffer.from(new Uint32Array([n]).buffer).toString("hex");
const FLAGS = [0, 1, 2, 3, 4, 5, 6, 8, 16, 256, 2 ** 32];
/** What programs' flags are tried with: the same without those that only user space could mean. */
const PROG_FLAGS = [0, 1, 2, 3, 4, 5, 8, 2 ** 32];

function make(name, type, { key = 4, value = 4, max = 3, flags = 0, extra = 0, inner = "-" } = {}) {
  return `create ${name} ${TYPES[type]} ${key} ${value} ${max} ${flags} ${extra} ${inner}`;
}

/** Key number n of a type, of 4 bytes or of the type's own form. */
function keyOf(type, n) {
  return type === "lpm_trie" ? `${le32(32)}0a0000${n.toString(16).padStart(2, "0")}` : le32(n);
}

const PER_CPU = ["percpu_hash", "percpu_array", "lru_percpu_hash"];
const valueFor = (type, n) => (PER_CPU.includes(type) ? `${le32(n)}00000000${le32(n + 1)}00000000` : le32(n));

/** Every operation and flag on a map with elements of plain bytes. */
function elements(type, over = {}) {
  const opts = { max: 3, ...(type === "lpm_trie" ? { key: 8, flags: 1 } : {}), ...over };
  const k = (n) => keyOf(type, n);
  const v = (n) => valueFor(type, n);
  const steps = [make("m", type, opts)];
  const all = (n) => {
    for (const f of FLAGS) steps.push(`up m ${k(n)} ${v(n + 10)} ${f}`, `look m ${k(n)} - 0`);
    for (const f of PROG_FLAGS) steps.push(`pu m ${k(n)} ${le32(n + 50)} ${f}`, `look m ${k(n)} - 0`);
    for (const f of FLAGS) steps.push(`look m ${k(n)} - ${f}`);
    steps.push(`pl m ${k(n)} - 0`, `pc m ${k(n)} - 0`, `pc m ${k(n)} - 1`, `pc m ${k(n)} - 2`);
  };
  steps.push("next m - - 0", `look m ${k(1)} - 0`, `del m ${k(1)} - 0`, `take m ${k(1)} - 0`, `pd m ${k(1)} - 0`);
  all(1);
  steps.push(`del m ${k(1)} - 0`, `del m ${k(1)} - 0`);
  for (const f of FLAGS) steps.push(`up m ${k(1)} ${v(11)} 0`, `take m ${k(1)} - ${f}`, `look m ${k(1)} - 0`);
  steps.push(`up m ${k(1)} ${v(11)} 0`, `pd m ${k(1)} - 0`, `look m ${k(1)} - 0`, `pd m ${k(1)} - 0`);
  for (const n of [0, 1, 2]) steps.push(`up m ${k(n)} ${v(n)} 0`);
  // full; and a key beyond an array's end
  if (!type.startsWith("lru")) {
    all(3);
    all(200);
  }
  steps.push(`up m ${k(1)} ${v(77)} 2`, `pu m ${k(2)} ${le32(78)} 0`);
  steps.push(`del m ${k(200)} - 0`, `take m ${k(200)} - 0`, `pd m ${k(200)} - 0`);
  if (opts.flags & 64 || !/hash/.test(type)) {
    steps.push("next m - - 0");
    for (const n of [0, 1, 2, 3, 200]) steps.push(`next m ${k(n)} - 0`);
  }
  return steps;
}

/** Batches on a map with elements of plain bytes. Orders are fixed: hash maps have BPF_F_ZERO_SEED. */
function batches(type, over = {}) {
  const opts = { max: 40, ...(type === "lpm_trie" ? { key: 8, flags: 1 } : {}), ...over };
  const ks = (from, n) => Array.from({ length: n }, (_, i) => keyOf(type, from + i)).join("");
  const vs = (from, n) => Array.from({ length: n }, (_, i) => valueFor(type, from + i)).join("");
  const steps = [make("m", type, opts), "bl m - - 0 4", "bt m - - 0 4"];
  for (const f of [0, 1, 2, 4, 8]) steps.push(`bu m ${ks(1, 3)} ${vs(1, 3)} ${f} 3`);
  steps.push(`bu m ${ks(0, 20)} ${vs(100, 20)} 0 20`, "bu m - - 0 0", "bl m - - 0 0", `bd m ${ks(1, 1)} - 0 0`);
  steps.push("bl m - - 0 40", "bl m - - 0 7", "bl m . - 0 7", "bl m . - 0 7", "bl m . - 0 7", "bl m . - 0 7");
  for (const f of [1, 2, 4, 8]) steps.push(`bl m - - ${f} 4`, `bt m - - ${f} 4`, `bd m ${ks(1, 1)} - ${f} 1`);
  steps.push(
    `bd m ${ks(0, 3)} - 0 3`,
    `bd m ${ks(2, 3)} - 0 3`,
    `look m ${ks(4, 1)} - 0`,
    "bl m - - 0 1",
    "bl m . - 0 1",
  );
  steps.push("bt m - - 0 9", "bl m - - 0 40", "bt m . - 0 40", "bl m - - 0 40", "bt m - - 0 40");
  steps.push(`bu m ${ks(0, 50)} ${vs(0, 50)} 0 50`);
  if (!type.startsWith("lru")) steps.push("bl m - - 0 60");
  return steps;
}

/** Rights: what each flag forbids. */
function rights(type, over = {}) {
  const opts = { ...(type === "lpm_trie" ? { key: 8, flags: 1 } : {}), ...over };
  const k = keyOf(type, 1);
  const v = valueFor(type, 5);
  const steps = [];
  for (const [name, bit] of Object.entries({ ro: 8, wo: 16, rop: 128, wop: 256 })) {
    steps.push(make(name, type, { ...opts, flags: (opts.flags ?? 0) | bit }));
    steps.push(`up ${name} ${k} ${v} 0`, `look ${name} ${k} - 0`, `next ${name} - - 0`, `pu ${name} ${k} ${le32(6)} 0`);
    steps.push(`pl ${name} ${k} - 0`, `pd ${name} ${k} - 0`, `take ${name} ${k} - 0`, `del ${name} ${k} - 0`);
    steps.push(`bl ${name} - - 0 1`, `bt ${name} - - 0 1`, `bu ${name} ${k} ${v} 0 1`, `bd ${name} ${k} - 0 1`);
  }
  steps.push(
    make("fz", type, opts),
    `up fz ${k} ${v} 0`,
    "freeze fz",
    "freeze fz",
    `up fz ${k} ${v} 0`,
    `look fz ${k} - 0`,
  );
  steps.push(`del fz ${k} - 0`, `take fz ${k} - 0`, `bu fz ${k} ${v} 0 1`, `bd fz ${k} - 0 1`, `bt fz - - 0 1`);
  steps.push(`pu fz ${k} ${le32(9)} 0`, `look fz ${k} - 0`, `pd fz ${k} - 0`);
  return steps;
}

/** Queues and stacks. */
function waiting(type, value = 4) {
  const v = (n) =>
    le32(n)
      .padEnd(value * 2, "ee")
      .slice(0, value * 2);
  const opts = { key: 0, value };
  const steps = [
    make("m", type, opts),
    "look m - - 0",
    "take m - - 0",
    "po m - - 0",
    "pe m - - 0",
    "next m - - 0",
    "del m - - 0",
  ];
  for (const f of FLAGS) steps.push(`up m - ${v(f % 7)} ${f}`);
  for (const f of PROG_FLAGS) steps.push(`pP m - ${v(20 + (f % 7))} ${f}`);
  steps.push("look m - - 0", "pe m - - 0");
  for (const f of FLAGS) steps.push(`look m - - ${f}`, `take m - - ${f}`, `up m - ${v(9)} 0`);
  steps.push("po m - - 0", "take m - - 0", "po m - - 0", "po m - - 0", "pl m - - 0", "pu m - - 0", "pd m - - 0");
  steps.push("bl m - - 0 1", "bt m - - 0 1", `bu m - ${v(1)} 0 1`, "bd m - - 0 1", "freeze m");
  steps.push(`up m - ${v(3)} 0`, "look m - - 0", "take m - - 0", `pP m - ${v(3)} 0`, "po m - - 0");
  for (const bit of [8, 16]) {
    const name = `r${bit}`;
    steps.push(
      make(name, type, { ...opts, flags: bit }),
      `up ${name} - ${v(1)} 0`,
      `pP ${name} - ${v(2)} 0`,
      `look ${name} - - 0`,
      `take ${name} - - 0`,
    );
  }
  return steps;
}

/** A bloom filter of given sizes: what it holds after some pushes is a matter of its hashes. */
function bloom(value, max, extra) {
  const v = (n) =>
    le32(n * 2654435761)
      .repeat(Math.ceil(value / 4))
      .slice(0, value * 2);
  const steps = [make("m", "bloom_filter", { key: 0, value, max, extra, flags: 64 }), `peek m - ${v(1)} 0`];
  for (let n = 0; n < max; n++) steps.push(n % 2 === 0 ? `up m - ${v(n)} 0` : `pP m - ${v(n)} 0`);
  for (let n = 0; n < max * 12; n++) steps.push(`peek m - ${v(n)} 0`);
  steps.push(`pp m - ${v(1)} 0`, `pp m - ${v(max + 3)} 0`);
  return steps;
}

function bloomOps() {
  const steps = [make("m", "bloom_filter", { key: 0 })];
  for (const f of FLAGS) steps.push(`up m - 01000000 ${f}`, `peek m - 01000000 ${f}`);
  for (const f of PROG_FLAGS) steps.push(`pP m - 02000000 ${f}`);
  steps.push(
    "pp m - 02000000 0",
    "del m - - 0",
    "take m - - 0",
    "next m - - 0",
    "po m - - 0",
    "pl m - - 0",
    "pu m - - 0",
    "pd m - - 0",
  );
  steps.push(
    "bl m - - 0 1",
    "bt m - - 0 1",
    "bu m - 01000000 0 1",
    "bd m - - 0 1",
    "freeze m",
    "up m - 03000000 0",
    "peek m - 01000000 0",
  );
  for (const bit of [8, 16])
    steps.push(
      make(`r${bit}`, "bloom_filter", { key: 0, flags: bit }),
      `up r${bit} - 01000000 0`,
      `peek r${bit} - 01000000 0`,
    );
  return steps;
}

/** A map whose values are things of the kernel. `good`: values that it takes; `bad`: others. */
function things(type, opts, before, good, bad) {
  const k = (n) => keyOf(type, n);
  const steps = [
    ...before,
    make("m", type, opts),
    "next m - - 0",
    `look m ${k(0)} - 0`,
    `del m ${k(0)} - 0`,
    `take m ${k(0)} - 0`,
  ];
  for (const value of [...bad, ...good]) for (const n of [0, 3]) steps.push(`up m ${k(n)} ${value} 0`);
  for (const value of good) for (const f of FLAGS) for (const n of [0, 1]) steps.push(`up m ${k(n)} ${value} ${f}`);
  for (const f of [0, 4, 8])
    steps.push(`look m ${k(0)} - ${f}`, `look m ${k(1)} - ${f}`, `look m ${k(2)} - ${f}`, `look m ${k(3)} - ${f}`);
  for (const n of [0, 1, 2, 3]) steps.push(`next m ${k(n)} - 0`);
  steps.push("next m - - 0", `take m ${k(0)} - 0`, `bl m - - 0 1`, "bt m - - 0 1", `bd m ${k(0)} - 0 1`);
  if (good.length > 0) steps.push(`bu m ${k(0)} ${good[0]} 0 1`);
  steps.push(
    `pd m ${k(1)} - 0`,
    `pu m ${k(1)} ${"00".repeat(opts.value ?? 4)} 0`,
    `pn m ${k(0)} - 0`,
    `pn m ${k(2)} - 0`,
    `pn m ${k(3)} - 0`,
  );
  steps.push(`pl m ${k(0)} - 0`, `pl m ${k(2)} - 0`);
  for (const n of [0, 1, 1, 2, 3]) steps.push(`del m ${k(n)} - 0`);
  steps.push("freeze m", ...(good.length > 0 ? [`up m ${k(0)} ${good[0]} 0`] : []), `del m ${k(0)} - 0`);
  for (const bit of [8, 16]) {
    steps.push(make(`r${bit}`, type, { ...opts, flags: (opts.flags ?? 0) | bit }));
    if (good.length > 0) steps.push(`up r${bit} ${k(0)} ${good[0]} 0`);
    steps.push(`look r${bit} ${k(0)} - 0`, `del r${bit} ${k(0)} - 0`, `next r${bit} - - 0`);
  }
  return steps;
}

/** bpf_redirect_map: the answer with every flag, for a key that is there, one that is not, and one beyond the end. */
function redirects(type, opts, good) {
  const steps = [make("m", type, opts), ...(good === null ? [] : [`up m ${le32(1)} ${good} 0`])];
  for (const n of [0, 1, 2, 3, 0xffffffff])
    for (const f of [0, 1, 2, 3, 4, 5, 8, 16, 24, 9, 32, 2 ** 32]) steps.push(`pr m ${le32(n)} - ${f}`);
  return steps;
}

const AF_INET = 2;
const TCP = 1;
const UDP = 2;
const SOCKETS = [
  `sock udp ${AF_INET} ${UDP} 5000 0 0`,
  `sock bare ${AF_INET} ${UDP} 0 0 0`,
  `sock conn ${AF_INET} ${UDP} 5001 2 0`,
  `sock reuse ${AF_INET} ${UDP} 5002 0 1`,
  `sock reusebare ${AF_INET} ${UDP} 0 0 1`,
  `sock tcp ${AF_INET} ${TCP} 0 0 0`,
  `sock listen ${AF_INET} ${TCP} 5003 1 0`,
  `sock rlisten ${AF_INET} ${TCP} 5004 1 1`,
];
const NO_SOCKETS = ["@udp", "@bare", "@conn", "@reuse", "@reusebare", "@tcp", "@listen", "@rlisten"];
const wide = (names) => names.map((n) => `@${n}`);
const XDP = 6;
const PROGS = [`prog xdp ${XDP} 0`, `prog devprog ${XDP} 33`, `prog cpuprog ${XDP} 35`, "prog cls 3 0"];

/** All sessions. `opaque`: values read are numbers that the kernel chose; only whether there is one is kept. */
export function sessions() {
  const out = [];
  const add = (name, steps, opaque = false) => out.push({ name, opaque, steps });
  for (const type of ["array", "percpu_array", "hash", "percpu_hash", "lru_hash", "lru_percpu_hash", "lpm_trie"]) {
    const seed = /hash/.test(type) ? { flags: 64 } : {};
    add(`${type}: elements`, elements(type, seed));
    add(`${type}: batches`, batches(type, seed));
    add(`${type}: rights`, rights(type, seed));
  }
  for (const type of ["hash", "percpu_hash"]) add(`${type} without preallocation`, elements(type, { flags: 65 }));
  for (const flags of [2, 66]) add(`lru_hash of flags ${flags}`, elements("lru_hash", { flags }));
  add("array: 12-byte values", [
    "create m 2 4 12 2 0 0 -",
    "up m 00000000 0102030405060708090a0b0c 0",
    "look m 00000000 - 0",
    "pl m 00000000 - 0",
  ]);
  for (const type of ["queue", "stack"])
    for (const value of [4, 6, 16]) add(`${type} of ${value}-byte values`, waiting(type, value));
  add("bloom_filter: operations", bloomOps());
  for (const [value, max, extra] of [
    [4, 10, 0],
    [4, 64, 3],
    [8, 100, 0],
    [6, 20, 1],
    [1, 5, 0],
    [13, 33, 15],
    [40, 50, 7],
    [4, 1, 0],
  ]) {
    add(`bloom_filter: value ${value}, max ${max}, ${extra} hashes`, bloom(value, max, extra));
  }
  add("prog_array", things("prog_array", {}, PROGS, ["@xdp"], ["0f270000", "@cls", "@devprog", "ffffffff"]), true);
  add("perf_event_array", things("perf_event_array", {}, PROGS, [], ["0f270000", "@xdp"]));
  add("cgroup_array", things("cgroup_array", {}, PROGS, [], ["0f270000", "@xdp"]));
  add("devmap", things("devmap", {}, PROGS, ["01000000"], ["00000000", "63000000"]));
  add(
    "devmap with programs",
    things(
      "devmap",
      { value: 8 },
      PROGS,
      ["01000000@devprog", "01000000ffffffff", "0100000000000000"],
      ["0000000000000000", "00000000@devprog", "01000000@xdp", "01000000@cpuprog", "01000000@cls", "010000000f270000"],
    ),
    true,
  );
  add("devmap_hash", things("devmap_hash", {}, PROGS, ["01000000"], ["00000000", "63000000"]));
  add(
    "devmap_hash with programs",
    things(
      "devmap_hash",
      { value: 8 },
      PROGS,
      ["01000000@devprog", "0100000000000000"],
      ["0000000000000000", "00000000@devprog", "01000000@xdp"],
    ),
    true,
  );
  add("cpumap", things("cpumap", { max: 2 }, PROGS, ["40000000"], ["00000000", "01400000"]));
  add("cpumap: queue sizes", [
    "create m 16 4 4 3 0 0 -",
    ...[1, 2, 16383, 16384, 16385, 2 ** 31, 2 ** 32 - 1].flatMap((q) => [
      `up m 00000000 ${le32(q)} 0`,
      "look m 00000000 - 0",
    ]),
    "up m 02000000 01000000 0",
    "up m 01000000 01000000 0",
  ]);
  add(
    "cpumap with programs",
    things(
      "cpumap",
      { value: 8, max: 2 },
      PROGS,
      ["40000000@cpuprog", "40000000ffffffff", "4000000000000000"],
      ["0000000000000000", "00000000@cpuprog", "40000000@xdp", "40000000@devprog", "40000000@cls", "400000000f270000"],
    ),
    true,
  );
  add("xskmap", things("xskmap", {}, SOCKETS, [], ["0f270000", "@udp", "@tcp"]));
  for (const type of ["sockmap", "sockhash", "reuseport_sockarray"]) {
    for (const value of [4, 8]) {
      const names = value === 4 ? NO_SOCKETS : wide(NO_SOCKETS);
      const none = value === 4 ? "0f270000" : "0f27000000000000";
      // each socket on its own, then two good ones through all operations
      for (const [i, name] of names.entries()) {
        add(
          `${type}, value ${value}: ${NO_SOCKETS[i].slice(1)}`,
          [
            ...SOCKETS,
            make("m", type, { value }),
            `up m 00000000 ${name} 0`,
            `up m 01000000 ${name} 0`,
            "look m 00000000 - 0",
            "del m 00000000 - 0",
            `up m 01000000 ${name} 0`,
          ],
          true,
        );
      }
      const good = type === "reuseport_sockarray" ? ["@reuse"] : ["@udp", "@conn"];
      add(`${type}, value ${value}`, things(type, { value }, SOCKETS, value === 4 ? good : wide(good), [none]), true);
    }
  }
  add(
    "sockmap: a socket that closes",
    [
      ...SOCKETS,
      make("m", "sockmap", { value: 8 }),
      "up m 00000000 @@udp 0",
      "look m 00000000 - 0",
      "ps m 00000000 - 0",
      "close udp",
      "look m 00000000 - 0",
      "del m 00000000 - 0",
    ],
    true,
  );
  add(
    "reuseport_sockarray: a socket that closes",
    [
      ...SOCKETS,
      make("m", "reuseport_sockarray", { value: 8 }),
      "up m 00000000 @@reuse 0",
      "look m 00000000 - 0",
      "close reuse",
      "look m 00000000 - 0",
      "del m 00000000 - 0",
    ],
    true,
  );
  add("sk_storage", skStorage());
  for (const type of ["task_storage", "cgrp_storage"]) add(type, unfilled(type, { max: 0, flags: 1 }, le32(9999)));
  for (const [type, value] of [
    ["cgroup_storage", le32(7)],
    ["percpu_cgroup_storage", `${le32(7)}00000000${le32(8)}00000000`],
  ]) {
    for (const key of [16, 8]) {
      add(`${type}, key ${key}`, unfilled(type, { max: 0, key }, le32(1).padEnd(key * 2, "0"), value));
    }
  }
  add("stack_trace", unfilled("stack_trace", { value: 8 }, le32(1), "0100000000000000"));
  add(
    "array_of_maps",
    things("array_of_maps", { inner: "tmpl" }, INNER, ["@same"], ["0f270000", "@longer", "@wider", "@hash", "@flags"]),
    true,
  );
  add(
    "hash_of_maps",
    things("hash_of_maps", { inner: "tmpl", flags: 64 }, INNER, ["@same"], ["0f270000", "@longer", "@wider", "@hash"]),
    true,
  );
  for (const [type, opts] of [
    ["ringbuf", {}],
    ["user_ringbuf", {}],
  ])
    add(type, ringOps(type, opts));
  for (const value of [4, 8]) {
    add(`devmap of ${value} bytes: redirect`, redirects("devmap", { value }, le32(1).padEnd(value * 2, "0")));
    add(`devmap_hash of ${value} bytes: redirect`, redirects("devmap_hash", { value }, le32(1).padEnd(value * 2, "0")));
  }
  add("cpumap: redirect", redirects("cpumap", { max: 2 }, "40000000"));
  add("xskmap: redirect", redirects("xskmap", {}, null));
  return out;
}

const INNER = [
  "create tmpl 2 4 4 2 0 0 -",
  "create same 2 4 4 2 0 0 -",
  "create longer 2 4 4 3 0 0 -",
  "create wider 2 4 8 2 0 0 -",
  "create hash 1 4 4 2 0 0 -",
  "create flags 2 4 4 2 4096 0 -",
];

/** What user space and programs may do to maps that only the kernel fills. */
function unfilled(type, opts, key, value = le32(7)) {
  const steps = [make("m", type, opts), "next m - - 0", `next m ${key} - 0`, `next m ${"f".repeat(key.length)} - 0`];
  for (const f of FLAGS) steps.push(`look m ${key} - ${f}`, `up m ${key} ${value} ${f}`, `take m ${key} - ${f}`);
  steps.push(`del m ${key} - 0`, `del m ${"f".repeat(key.length)} - 0`, "bl m - - 0 1", "bt m - - 0 1");
  steps.push(
    `bu m ${key} ${value} 0 1`,
    `bd m ${key} - 0 1`,
    `pl m ${key} - 0`,
    `pu m ${key} ${value} 0`,
    `pd m ${key} - 0`,
  );
  steps.push("freeze m", `up m ${key} ${value} 0`, `del m ${key} - 0`);
  return steps;
}

function skStorage() {
  const steps = [...SOCKETS, "create m 24 4 4 0 1 0 -", "next m - - 0"];
  for (const s of ["@udp", "@tcp"]) {
    steps.push(`look m ${s} - 0`, `del m ${s} - 0`);
    for (const f of FLAGS) steps.push(`up m ${s} 07000000 ${f}`, `look m ${s} - 0`);
    steps.push(
      `look m ${s} - 4`,
      `take m ${s} - 0`,
      `next m ${s} - 0`,
      `up m ${s} 07000000 1`,
      `up m ${s} 08000000 1`,
      `look m ${s} - 0`,
    );
    steps.push(
      `del m ${s} - 0`,
      `del m ${s} - 0`,
      `up m ${s} 07000000 2`,
      `bl m - - 0 1`,
      `bu m ${s} 01000000 0 1`,
      `bd m ${s} - 0 1`,
      "bt m - - 0 1",
    );
  }
  steps.push(
    "look m 0f270000 - 0",
    "up m 0f270000 01000000 0",
    "del m 0f270000 - 0",
    "pl m 00000000 - 0",
    "pu m 00000000 01000000 0",
    "pd m 00000000 - 0",
  );
  steps.push("freeze m", "up m @udp 01000000 0", "look m @udp - 0");
  return steps;
}

function ringOps(type) {
  const steps = [make("m", type, { key: 0, value: 0, max: 4096 })];
  for (const op of ["look", "take", "next", "del", "up", "pl", "pu", "pd", "pP", "po", "pe"])
    steps.push(`${op} m - - 0`);
  for (const op of ["bl", "bt", "bu", "bd"]) steps.push(`${op} m - - 0 1`);
  steps.push("freeze m");
  return steps;
}
