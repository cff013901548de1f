// What is asked of BPF_PROG_RUN for each program type. A case has
//   why      what it is about
//   type     program type and attach type, as in TYPES
//   asm      the program, as clang's assembler takes it
//   data     hex, or a number: so many bytes of a frame of the local ethertype with a pattern behind the header
//   ctx      hex; absent: none is given
//   repeat, flags, cpu, batch
//   out      which outputs are asked for: "d" data, "c" context, "dc" (the default for a case with a context), "-"

/** [program type, attach type, flags at load] by the kernel's numbers. */
export const TYPES = {
  socket_filter: [1, 0, 0],
  sched_cls: [3, 0, 0],
  sched_act: [4, 0, 0],
  xdp: [6, 0, 0],
  "xdp frags": [6, 0, 32],
  "xdp xdp_devmap": [6, 33, 0],
  "xdp xdp_cpumap": [6, 35, 0],
  "cgroup_skb cgroup_inet_ingress": [8, 0, 0],
  "cgroup_skb cgroup_inet_egress": [8, 1, 0],
  lwt_in: [10, 0, 0],
  lwt_out: [11, 0, 0],
  lwt_xmit: [12, 0, 0],
  "sock_ops cgroup_sock_ops": [13, 3, 0],
  "cgroup_sock_addr cgroup_inet4_connect": [18, 10, 0],
  lwt_seg6local: [19, 0, 0],
  "sk_reuseport sk_reuseport_select": [21, 39, 0],
  "flow_dissector flow_dissector": [22, 17, 0],
  "sk_lookup sk_lookup": [30, 36, 0],
  syscall: [31, 0, 16],
};

const MAC = "020000000002020000000001";
export const FRAGS = 32;
/** 192.0.2.1 to 198.51.100.2, UDP 1000 to 2000, and its IPv6 likeness. */
const V4 = `${MAC}08004500001c000040004011c95dc0000201c633640203e807d000080000`;
const V6 = `${MAC}86dd6000000000081140${"20010db8000000000000000000000001"}${"20010db8000100000000000000000002"}03e807d000080000`;

/** A struct of `bytes` bytes with u32 fields at offsets. */
const struct = (bytes, fields) => {
  const b = Buffer.alloc(bytes);
  for (const [offset, value] of Object.entries(fields)) b.writeUInt32LE(value >>> 0, Number(offset));
  return b.toString("hex");
};

const RETURN_ONE = "r0 = 1\nexit";
/** The sum of a field over all types that have it would say little: each is returned by a program of its own. */
const field = (offset, size = 32) => `r0 = *(u${size} *)(r1 + ${offset})\nexit`;
/** r0 = a byte of the packet, -1 when it is shorter. @param bounds offsets of data and data_end */
const packetByte = (at, [data, end], size = 32) => `r2 = *(u${size} *)(r1 + ${data})
r3 = *(u${size} *)(r1 + ${end})
r4 = r2
r4 += ${at + 1}
r0 = -1
if r4 > r3 goto out
r0 = *(u8 *)(r2 + ${at})
out:
exit`;
/** r0 = bytes between data and data_end. */
const packetBytes = ([data, end]) => `r2 = *(u32 *)(r1 + ${data})
r0 = *(u32 *)(r1 + ${end})
r0 -= r2
exit`;
/** A helper whose first argument is the context; r0 is its answer. */
const callCtx = (helper, ...args) => `${args.map((a, i) => `r${i + 2} = ${a}`).join("\n")}\ncall ${helper}\nexit`;
const SKB = [76, 80];
const XDP = [0, 4];
const GET_BUFF_LEN = 188;
const ADJUST_TAIL = 65;
const ADJUST_HEAD = 44;

const skbTypes = [
  "socket_filter",
  "sched_cls",
  "sched_act",
  "cgroup_skb cgroup_inet_ingress",
  "cgroup_skb cgroup_inet_egress",
  "lwt_in",
  "lwt_out",
  "lwt_xmit",
];

/** Writes a byte of the packet, by a pointer. */
const writeByte = (at, value) => `r2 = *(u32 *)(r1 + 76)
r3 = *(u32 *)(r1 + 80)
r4 = r2
r4 += ${at + 1}
r0 = 0
if r4 > r3 goto out
r5 = ${value}
*(u8 *)(r2 + ${at}) = r5
out:
exit`;
/** bpf_skb_store_bytes of so many bytes of a value. */
const storeBytes = (at, value, bytes, flags, more = "exit") => `r6 = r1
r3 = ${value} ll
*(u64 *)(r10 - 8) = r3
r2 = ${at}
r3 = r10
r3 += -8
r4 = ${bytes}
r5 = ${flags}
call 9
r1 = r6
${more}`;
const then = (helper, ...args) => callCtx(helper, ...args);

/** What keeps the sum of a packet whose checksum is complete, and what does not. */
function completeCases() {
  const cases = [];
  const tc = (why, asm, more = {}) => cases.push({ why, type: "sched_cls", asm, data: V4, flags: 4, ...more });
  tc("sum: a byte written", writeByte(30, 0x55));
  tc("sum: a byte written as it was", writeByte(14, 0x45));
  tc("sum: a byte of the MAC header written", writeByte(3, 0x55));
  tc("sum: the same without the flag", writeByte(30, 0x55), { flags: 0 });
  for (const flags of [0, 1, 2, 3]) {
    tc(`sum: two bytes stored, flags ${flags}`, storeBytes(26, "0x1234", 2, flags));
    tc(`sum: three bytes stored at an odd place, flags ${flags}`, storeBytes(27, "0x123456", 3, flags));
  }
  tc("sum: MAC addresses stored", storeBytes(0, "0x1122334455667788", 8, 0));
  tc("sum: MAC addresses stored with the flag", storeBytes(0, "0x1122334455667788", 8, 1));
  tc("sum: bytes across the MAC header's end", storeBytes(12, "0x1122334455667788", 4, 1));
  // an address and the checksum over it
  tc(
    "sum: an address stored, and IPv4's checksum",
    storeBytes(26, "0x01020304", 4, 0, then(10, 24, "0x010200c0", "0x01020304", 4)),
  );
  tc(
    "sum: an address stored, and IPv4's checksum of another one",
    storeBytes(26, "0x01020304", 4, 0, then(10, 24, 1, "0x01020304", 4)),
  );
  tc("sum: a checksum alone", then(10, 24, 1, 2, 2));
  for (const flags of [2, 0x12, 4, 0x14, 0x10, 0x34, 0x74]) {
    const from = (flags & 15) === 0 ? 0 : "0x010200c0";
    tc(`sum: a port's checksum, flags ${flags}`, then(11, 40, from, "0x01020304", flags));
    tc(
      `sum: an address, both checksums, flags ${flags}`,
      storeBytes(
        26,
        "0x01020304",
        4,
        0,
        `r2 = 24
r3 = 0x010200c0
r4 = 0x01020304
r5 = 4
call 10
r1 = r6
${then(11, 40, from, "0x01020304", flags)}`,
      ),
    );
  }
  tc("sum: updated", then(40, 5));
  tc("sum: updated by nothing", then(40, 0));
  tc("sum: a word written, and updated", storeBytes(30, "0x0201", 2, 0, then(40, "0x5aba")));
  for (const len of [40, 41, 42, 43, 60, 35, 34]) tc(`sum: tail of ${len}`, then(38, len, 0));
  for (const [by, mode] of [
    [8, 0],
    [-8, 0],
    [5, 0],
    [-3, 0],
    [4, 1],
    [-4, 1],
  ])
    tc(`sum: room of ${by}, mode ${mode}`, then(50, by, mode, 0));
  tc("sum: room with an outer header", then(50, 20, 1, 2));
  tc("sum: head of 4", then(43, 4, 0));
  tc("sum: head of 14", then(43, 14, 0));
  tc("sum: pulled", then(39, 30));
  tc("sum: IPv4 to IPv6", then(31, "0xdd86", 0));
  tc("sum: IPv6 to IPv4", then(31, 8, 0), { data: V6 });
  tc("sum: a tag", then(18, "0x0081", 7));
  tc("sum: two tags", `r6 = r1\nr2 = 0x0081\nr3 = 7\ncall 18\nr1 = r6\n${then(18, "0x0081", 9)}`);
  tc("sum: a tag, and off again", `r6 = r1\nr2 = 0x0081\nr3 = 7\ncall 18\nr1 = r6\n${then(19)}`);
  tc(
    "sum: two tags, one off again",
    `r6 = r1\nr2 = 0x0081\nr3 = 7\ncall 18\nr1 = r6\nr2 = 0x0081\nr3 = 9\ncall 18\nr1 = r6\n${then(19)}`,
  );
  tc("sum: the hash is forgotten", then(41));
  tc("sum: no packet of IP", writeByte(20, 1), { data: `${MAC}0806${"11".repeat(28)}` });
  cases.push({ why: "sum: a byte written", type: "lwt_xmit", asm: writeByte(16, 0x55), data: V4, flags: 4 });
  cases.push({ why: "sum: a word stored", type: "lwt_xmit", asm: storeBytes(12, "0x1234", 2, 1), data: V4, flags: 4 });
  return cases;
}

function skbCases() {
  const cases = [];
  const sk = (fields) => struct(192, fields);
  for (const type of skbTypes) {
    const add = (why, asm, more = {}) => cases.push({ why, type, asm, data: V4, ...more });
    add("returns", RETURN_ONE);
    add("len", field(0));
    add("protocol", field(16));
    add("ifindex", field(40));
    add("pkt_type", field(4));
    add("hash", field(68));
    add("gso_segs", field(164), { ctx: sk({ 164: 7 }) });
    add("gso_size", field(176), { ctx: sk({ 176: 9 }) });
    add("mark", field(8), { ctx: sk({ 8: 77 }) });
    add("cb", field(56), { ctx: sk({ 56: 5 }) });
    add("a context that is cut", field(8), { ctx: sk({ 8: 77 }).slice(0, 24) });
    add("a context with zeros behind it", RETURN_ONE, { ctx: `${sk({})}${"00".repeat(8)}` });
    add("a context with more behind it", RETURN_ONE, { ctx: `${sk({})}01${"00".repeat(7)}` });
    add("a field that may not be given", RETURN_ONE, { ctx: sk({ 16: 8 }) });
    add("wire_len", RETURN_ONE, { ctx: sk({ 160: 500 }) });
    add("IPv6", RETURN_ONE, { data: V6 });
    add("IPv6 that is cut", RETURN_ONE, { data: V6.slice(0, 2 * 53) });
    add("14 bytes", RETURN_ONE, { data: 14 });
    add("13 bytes", RETURN_ONE, { data: 13 });
    add("no bytes", RETURN_ONE, { data: "-" });
    add("3712 bytes", RETURN_ONE, { data: 3712 });
    add("3713 bytes", RETURN_ONE, { data: 3713 });
    add("repeat", "r2 = *(u32 *)(r1 + 48)\nr2 += 1\n*(u32 *)(r1 + 48) = r2\nr0 = 1\nexit", { repeat: 3, ctx: sk({}) });
    add("flags that it has", RETURN_ONE, { flags: 4 });
    add("flags that it has not", RETURN_ONE, { flags: 1 });
    add("a CPU", RETURN_ONE, { cpu: 1 });
    add("a batch", RETURN_ONE, { batch: 1 });
    if (type === "socket_filter") continue;
    add("the packet's bytes", packetBytes(SKB));
    add("its first byte", packetByte(0, SKB));
    add("its last byte", packetByte(27, SKB));
    add("a byte behind it", packetByte(42, SKB));
    if (type.startsWith("cgroup_skb")) {
      for (const [name, offset] of [
        ["family", 88],
        ["remote_ip4", 92],
        ["local_ip4", 96],
        ["remote_ip6[3]", 112],
        ["local_ip6[0]", 116],
        ["remote_port", 132],
        ["local_port", 136],
      ]) {
        // what the hook may return is 0 or 1, so the field is left in the mark
        const asm = `r2 = *(u32 *)(r1 + ${offset})\n*(u32 *)(r1 + 8) = r2\nr0 = 1\nexit`;
        add(`${name} of IPv4`, asm, { ctx: sk({}) });
        add(`${name} of IPv6`, asm, { ctx: sk({}), data: V6 });
        add(`${name} of neither`, asm, { ctx: sk({}), data: 60 });
      }
      add("tstamp", "r2 = *(u64 *)(r1 + 152)\nr2 += 1\n*(u64 *)(r1 + 152) = r2\nr0 = 1\nexit", {
        ctx: sk({ 152: 41 }),
      });
    }
  }
  const write = packetByte(0, SKB).replace("r0 = *(u8 *)(r2 + 0)", "*(u8 *)(r2 + 0) = 85\nr0 = 1");
  for (const type of ["sched_cls", "lwt_xmit"]) cases.push({ why: "writes the packet", type, asm: write, data: V4 });
  return cases;
}

/** cgroup programs return 0 or 1 only: what they would return goes into the mark instead. */
function withMark(c) {
  if (!c.type.startsWith("cgroup_skb") || c.asm === RETURN_ONE || c.asm.includes("r0 = 1\nexit")) return c;
  const asm = `${c.asm.replace(/r1 \+/g, "r6 +").replace(/\nexit$/, "")}\n*(u32 *)(r6 + 8) = r0\nr0 = 1\nexit`;
  return { ...c, asm: `r6 = r1\n${asm}`, ctx: c.ctx ?? struct(192, {}) };
}

function xdpCases() {
  const md = (fields) => struct(24, fields);
  const cases = [];
  const add = (why, asm, more = {}) => cases.push({ why, type: "xdp frags", asm, data: 60, ...more });
  add("returns", "r0 = 2\nexit");
  add("flags that it has not", "r0 = 2\nexit", { flags: 1 });
  add("checksum complete", "r0 = 2\nexit", { flags: 4 });
  add("a CPU", "r0 = 2\nexit", { cpu: 1 });
  add("a batch without live frames", "r0 = 2\nexit", { batch: 1 });
  add("a batch that is too large", "r0 = 2\nexit", { flags: 2, batch: 257, out: "-" });
  add("live frames with data out", "r0 = 1\nexit", { flags: 2, ctx: md({ 4: 60 }), out: "d" });
  add("live frames of several buffers", "r0 = 1\nexit", { flags: 2, data: 4000, out: "-" });
  add("live frames that fill their page", "r0 = 1\nexit", { flags: 2, data: 3521, out: "-" });
  add("a context with more behind it", "r0 = 2\nexit", { ctx: `${md({ 4: 60 })}01` });
  add("13 bytes", "r0 = 2\nexit", { data: 13 });
  add("no bytes", "r0 = 2\nexit", { data: "-" });
  for (const type of ["xdp xdp_devmap", "xdp xdp_cpumap"]) {
    cases.push({ why: "not by BPF_PROG_RUN", type, asm: "r0 = 2\nexit", data: 60 });
  }
  // packets of several buffers
  for (const bytes of [3520, 3521, 7616, 7617, 9000, 20000, 65535, 73152, 73153]) {
    add(`${bytes} bytes: what is linear`, packetBytes(XDP), { data: bytes });
    add(`${bytes} bytes: how long it is`, callCtx(GET_BUFF_LEN), { data: bytes });
  }
  cases.push({ why: "a program without frags", type: "xdp", asm: packetBytes(XDP), data: 9000 });
  add("the linear part as the context says", packetBytes(XDP), { data: 100, ctx: md({ 4: 20 }) });
  add("a linear part of 0 bytes", packetBytes(XDP), { data: 100, ctx: md({}) });
  add("metadata and fragments", packetBytes(XDP), { data: 5000, ctx: md({ 0: 32, 4: 5000 }) });
  add("metadata in a full page", packetBytes(XDP), { data: 3552, ctx: md({ 0: 32, 4: 3552 }) });
  add("one byte more", packetBytes(XDP), { data: 3553, ctx: md({ 0: 32, 4: 3553 }) });
  for (const by of [-1, -480, -5480, -5481, -8986, -8987, 1, 2712, 2713, 4096]) {
    add(`the tail of 9000 bytes by ${by}`, callCtx(ADJUST_TAIL, by), { data: 9000, ctx: md({ 4: 9000 }) });
    const asm = `r6 = r1\nr2 = ${by}\ncall ${ADJUST_TAIL}\nr2 = *(u32 *)(r6 + 0)\nr0 = *(u32 *)(r6 + 4)\nr0 -= r2\nexit`;
    add(`the linear part after the tail of 9000 bytes by ${by}`, asm, { data: 9000 });
  }
  add(
    "the tail grows where the fragments were",
    `r6 = r1\nr2 = -5480\ncall ${ADJUST_TAIL}\nr1 = r6\nr2 = 1\ncall ${ADJUST_TAIL}\nexit`,
    { data: 9000 },
  );
  add(
    "and after the linear part has shrunk",
    `r6 = r1\nr2 = -6000\ncall ${ADJUST_TAIL}\nr1 = r6\nr2 = 100\ncall ${ADJUST_TAIL}\nexit`,
    { data: 9000 },
  );
  for (const by of [-200, 14, 3506, 3507]) {
    add(`the head of 9000 bytes by ${by}`, callCtx(ADJUST_HEAD, by), { data: 9000, ctx: md({ 4: 9000 }) });
  }
  for (const [offset, len] of [
    [0, 16],
    [3512, 16],
    [3519, 1],
    [3520, 16],
    [7608, 16],
    [8984, 16],
    [8985, 16],
    [65536, 1],
  ]) {
    const load = `r6 = r1\nr2 = ${offset}\nr3 = r10\nr3 += -16\n*(u64 *)(r10 - 16) = r2\n*(u64 *)(r10 - 8) = r2\nr4 = ${len}\ncall 189\nr7 = r0\nr0 = *(u8 *)(r10 - 16)\nr1 = *(u8 *)(r10 - ${17 - len})\nr0 <<= 8\nr0 |= r1\nr7 <<= 16\nr0 |= r7\nexit`;
    add(`loads ${len} bytes at ${offset} of 9000`, load, { data: 9000 });
    const store = `r2 = 0x55667788\n*(u64 *)(r10 - 16) = r2\n*(u64 *)(r10 - 8) = r2\nr2 = ${offset}\nr3 = r10\nr3 += -16\nr4 = ${len}\ncall 190\nexit`;
    add(`stores ${len} bytes at ${offset} of 9000`, store, { data: 9000 });
  }
  return cases;
}

function flowCases() {
  const type = "flow_dissector flow_dissector";
  const cases = [];
  const add = (why, asm, more = {}) => cases.push({ why, type, asm, data: V4, ...more });
  const keys = (body) => `r6 = *(u64 *)(r1 + 144)\n${body}\nexit`;
  const keysIn = (flags) => struct(56, { 48: flags });
  add("leaves the keys as they come", "r0 = 0\nexit");
  add("BPF_DROP", "r0 = 2\nexit");
  add("any value", "r0 = 4711\nexit");
  add(
    "writes all keys",
    keys("r2 = 0x0908070605040302 ll\n*(u64 *)(r6 + 4) = r2\n*(u64 *)(r6 + 16) = r2\n*(u64 *)(r6 + 48) = r2\nr0 = 0"),
  );
  add("nhoff and thoff within the packet", keys("*(u16 *)(r6 + 0) = 18\n*(u16 *)(r6 + 2) = 34\nr0 = 0"));
  add("nhoff below the Ethernet header", keys("*(u16 *)(r6 + 0) = 3\n*(u16 *)(r6 + 2) = 2\nr0 = 0"));
  add("thoff before nhoff", keys("*(u16 *)(r6 + 0) = 30\n*(u16 *)(r6 + 2) = 20\nr0 = 0"));
  add("both behind the packet", keys("*(u16 *)(r6 + 0) = 1000\n*(u16 *)(r6 + 2) = 2000\nr0 = 0"));
  add("flags are given", keys("r0 = *(u32 *)(r6 + 48)"), { ctx: keysIn(5) });
  add("other keys may not be given", "r0 = 0\nexit", { ctx: struct(56, { 0: 1 }) });
  add("flow_label may not be given", "r0 = 0\nexit", { ctx: struct(56, { 52: 1 }) });
  add("a context that is cut", "r0 = 0\nexit", { ctx: keysIn(5).slice(0, 2 * 50) });
  add("a context with more behind it", "r0 = 0\nexit", { ctx: `${keysIn(0)}01` });
  add("the packet's bytes", packetBytes(SKB));
  add("its first byte", packetByte(0, SKB));
  add("its last byte", packetByte(41, SKB));
  add("a byte behind it", packetByte(42, SKB));
  add("14 bytes", "r0 = 0\nexit", { data: 14 });
  add("13 bytes", "r0 = 0\nexit", { data: 13 });
  add("a page", packetBytes(SKB), { data: 4096 });
  add("one byte more", "r0 = 0\nexit", { data: 4097 });
  add("repeat: the keys begin anew", keys("r0 = *(u8 *)(r6 + 20)\nr0 += 1\n*(u8 *)(r6 + 20) = r0"), { repeat: 3 });
  add("flags", "r0 = 0\nexit", { flags: 1 });
  add("a CPU", "r0 = 0\nexit", { cpu: 1 });
  add("a batch", "r0 = 0\nexit", { batch: 1 });
  return cases;
}

function lookupCases() {
  const type = "sk_lookup sk_lookup";
  const cases = [];
  const v4 = { 8: 2, 12: 17, 16: 0x010200c0, 36: 0xe803, 40: 0x026433c6, 60: 2000 };
  const v6 = { ...v4, 8: 10, 20: 1, 24: 2, 28: 3, 32: 4, 44: 5, 48: 6, 52: 7, 56: 8 };
  const add = (why, asm, fields = v4, more = {}) =>
    cases.push({ why, type, asm, ctx: struct(72, fields), data: "-", out: "c", ...more });
  add("passes", RETURN_ONE);
  add("drops", "r0 = 0\nexit");
  // the low bit says whether the field is what was given
  const is = (offset, value, size = 32) =>
    `r2 = *(u${size} *)(r1 + ${offset})\nr0 = 1\nif r2 == ${value | 0} goto out\nr0 = 0\nout:\nexit`;
  for (const [name, fields] of [
    ["IPv4", v4],
    ["IPv6", v6],
  ]) {
    for (const offset of [8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64]) {
      add(`${name}: the word at ${offset} is what was given`, is(offset, fields[offset] ?? 0), fields);
      add(`${name}: the word at ${offset} is 0`, is(offset, 0), fields);
    }
  }
  add("no socket was chosen", is(0, 0, 64));
  add("family and protocol are cut to 16 bits", is(8, 2), { ...v4, 8: 0x10002, 12: 0x20011 });
  add("protocol too", is(12, 17), { ...v4, 8: 0x10002, 12: 0x20011 });
  add("remote_port's padding", is(36, 0xe803), { ...v4, 36: 0xffffe803 });
  add("a family of neither", RETURN_ONE, { ...v4, 8: 1 });
  add("no family", RETURN_ONE, {});
  add("local_port of 17 bits", RETURN_ONE, { ...v4, 60: 65536 });
  add("the largest local_port", RETURN_ONE, { ...v4, 60: 65535 });
  add("a cookie", RETURN_ONE, { ...v4, 0: 1 });
  add("ingress_ifindex", RETURN_ONE, { ...v4, 64: 1 });
  add("no context", RETURN_ONE, v4, { ctx: undefined, out: "-" });
  add("a context that is cut", RETURN_ONE, v4, { ctx: struct(72, v4).slice(0, 128) });
  add("a context with more behind it", RETURN_ONE, v4, { ctx: `${struct(72, v4)}01` });
  add("data", RETURN_ONE, v4, { data: 60 });
  add("repeat", RETURN_ONE, v4, { repeat: 5 });
  add("flags", RETURN_ONE, v4, { flags: 1 });
  add("a CPU", RETURN_ONE, v4, { cpu: 1 });
  add("a batch", RETURN_ONE, v4, { batch: 1 });
  return cases;
}

function syscallCases() {
  const type = "syscall";
  const cases = [];
  const add = (why, asm, ctx, more = {}) =>
    cases.push({ why, type, asm, data: "-", out: "-", ...(ctx === null ? {} : { ctx }), ...more });
  const bump = "r0 = *(u32 *)(r1 + 4)\nr0 += 1\n*(u32 *)(r1 + 8) = r0\nexit";
  add("reads and writes its buffer", bump, struct(12, { 4: 41 }));
  add("more than it needs", bump, struct(64, { 4: 41, 60: 9 }));
  add("less than it reaches", bump, struct(8, { 4: 41 }));
  add("no buffer", RETURN_ONE, null);
  add("no buffer, and one is needed", bump, null);
  add("bytes", "r0 = *(u8 *)(r1 + 2)\n*(u8 *)(r1 + 0) = 7\nexit", "010203");
  add("doubles", "r0 = *(u64 *)(r1 + 8)\n*(u64 *)(r1 + 0) = r0\nexit", struct(16, { 8: 5, 12: 6 }));
  add(
    "a helper fills it",
    "r2 = 2\nr3 = r1\nr3 += 4\nr1 = r10\nr1 += -8\n*(u64 *)(r10 - 8) = 0x3231\nr2 = 2\nr3 = 10\nr4 = r10\nr4 += -16\ncall 105\nexit",
    struct(8, {}),
  );
  add("a negative value", "r0 = -5\nexit", struct(4, {}));
  add("data", RETURN_ONE, null, { data: 60 });
  add("repeat", RETURN_ONE, null, { repeat: 1 });
  add("flags", RETURN_ONE, null, { flags: 1 });
  add("a CPU", RETURN_ONE, null, { cpu: 1 });
  add("a batch", RETURN_ONE, null, { batch: 1 });
  add("a context to write to", RETURN_ONE, struct(4, {}), { out: "c" });
  return cases;
}

const noTestRun = [
  "sock_ops cgroup_sock_ops",
  "cgroup_sock_addr cgroup_inet4_connect",
  "lwt_seg6local",
  "sk_reuseport sk_reuseport_select",
];

export const CASES = [
  ...skbCases().map(withMark),
  ...completeCases(),
  ...xdpCases(),
  ...flowCases(),
  ...lookupCases(),
  ...syscallCases(),
  ...noTestRun.map((type) => ({ why: "has no test run", type, asm: RETURN_ONE, data: V4 })),
].map((c) => ({ ...c, out: c.out ?? (c.ctx === undefined ? "d" : "dc") }));

/** The bytes that a case's `data` stands for, in hex. */
export function dataHex(data) {
  if (typeof data !== "number") return data;
  const bytes = Buffer.from(Array.from({ length: data }, (_, i) => (i * 7 + (i >> 8)) & 255));
  Buffer.from(`${MAC}88b5`, "hex").copy(bytes);
  return bytes.toString("hex");
}
