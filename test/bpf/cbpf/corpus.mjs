// What the recordings of classic BPF are made of: programs in bpf_asm's syntax, pcap expressions, programs for the kernel's checker,
// and programs made at random. Read by the recorder and by the tests.

const ANCILLARY = [
  "proto",
  "type",
  "ifidx",
  "nla",
  "nlan",
  "mark",
  "queue",
  "hatype",
  "rxhash",
  "cpu",
  "vlan_tci",
  "vlan_avail",
  "vlan_tpid",
  "poff",
];
/** SKF_AD_OFF, SKF_NET_OFF, SKF_LL_OFF as constants. */
export const SKF_AD_OFF = 0xfffff000;
const NET = -0x100000;
const LL = -0x200000;

/** Programs that bpf_asm takes, too: name -> text. */
export const sources = {
  keep_all: "ret #-1\n",
  keep_ten: "ret #10\n",
  drop_all: "ret #0\n",
  length: "ld #len\nret a\n",
  index_length: "ldx #len\ntxa\nsub #1\nret a\n",
  arp: "ldh [12]\njne #0x806, drop\nret #-1\ndrop: ret #0\n",
  ipv4_tcp: `/* TCP over IPv4 */
    ldh [12]
    jne #0x800, drop     ; not IPv4
    ldb [23]
    jneq #6, drop
    ret #-1
    drop: ret #0
  `,
  ssh: `
    ldh [12]
    jne #0x800, drop
    ldb [23]
    jeq #6, tcp, drop
    tcp: ldh [20]
    jset #0x1fff, drop
    ldxb 4 * ([14] & 0xf)
    ldh [x + 14]
    jeq #0x16, good
    ldh [x + 16]
    jne #0x16, drop
    good: ret #0xffff
    drop: ret #0
  `,
  header_length: "ldx 4*([14]&0xf)\ntxa\nret a\n",
  header_length_keeps_a: "ld #7\nldx 4*([14]&0xf)\nadd x\nret a\n",
  header_length_beyond: "ld #7\nldx 4*([70]&0xf)\nadd x\nret a\n",
  beyond_the_end: "ld [72]\nret #-1\n",
  last_byte: "ldb [73]\nret #5\n",
  word_at_odd_place: "ld [11]\nand #0xff\nret a\n",
  index_wraps: "ldx #0xffffffff\nldb [x + 24]\nret a\n",
  index_beyond: "ldx #0x7fffffff\nldb [x + 24]\nret #9\n",
  network_offset: `ldb [${NET}]\nret a\n`,
  network_offset_word: `ld [${NET + 8}]\nand #0x7f\nret a\n`,
  network_offset_index: `ldx #9\nldb [x + ${NET}]\nret a\n`,
  network_offset_far: `ldb [${NET + 2000}]\nret #8\n`,
  link_offset: `ldb [${LL + 11}]\nret a\n`,
  link_offset_half: `ldh [${LL + 12}]\nrsh #8\nret a\n`,
  link_offset_index: `ldx #13\nldb [x + ${LL}]\nadd #40\nret a\n`,
  link_offset_far: `ldb [${LL + 2000}]\nret #8\n`,
  no_such_offset: `ldb [${LL - 1}]\nret #8\n`,
  scratch: `
    ld #3
    st M[0]
    ldx #4
    stx M[15]
    ld M[15]
    ldx M[0]
    lsh x
    ret a
  `,
  scratch_on_both_ways:
    "ldh [12]\njeq #0x800, one, two\none: ld #1\nst M[2]\nja end\ntwo: ld #2\nst M[2]\nend: ld M[2]\nret a\n",
  divide_by_zero: "ld #5\nldx #0\ndiv x\nret #9\n",
  modulo_by_zero: "ld #5\nldx #0\nmod x\nret #9\n",
  divide: "ld #1000\nldx #17\ndiv x\nret a\n",
  divide_large: "ld #-1\ndiv #0x10000000\nret a\n",
  modulo: "ld #-1\nmod #60\nret a\n",
  modulo_index: "ld #1000\nldx #63\nmod x\nret a\n",
  negate: "ld #-11\nneg\nret a\n",
  negate_twice: "ldi 23\nneg\nneg\nret a\n",
  multiply: "ld #0x10001\nmul #0x30003\nrsh #16\nret a\n",
  bits: "ldxi 0x0f\nld #0x33\nor x\nand #0x2d\nxor #0x18\nret a\n",
  xor_index: "ldx #0x30\nld #0x3c\nxor x\nret a\n",
  shift_by_index: "ldx #33\nld #20\nlsh x\nret a\n",
  shift_right_by_index: "ldx #35\nld #-1\nrsh x\nrsh #24\nret a\n",
  subtract_below_zero: "ld #1\nsub #2\nrsh #27\nret a\n",
  add_wraps: "ld #-1\nadd #12\nret a\n",
  moves: "ld #21\ntax\nld #0\ntxa\nret a\n",
  unsigned_greater: "ld #-1\njgt #0x7fffffff, yes, no\nyes: ret #11\nno: ret #12\n",
  large_constant: "ld #0x80000000\njeq #0x80000000, yes, no\nyes: ret #11\nno: ret #12\n",
  large_constant_less: "ld #5\njlt #0xfffffff0, yes\nret #12\nyes: ret #11\n",
  less: "ld #5\njlt #6, yes\nret #12\nyes: ret #11\n",
  less_or_equal: "ld #6\njle #6, yes\nret #12\nyes: ret #11\n",
  greater_or_equal: "ldx #6\nld #6\njge x, yes, no\nyes: ret #11\nno: ret #12\n",
  equal_index: "ldx #6\nld #7\njeq x, yes\nret #12\nyes: ret #11\n",
  not_equal_index: "ldx #6\nld #7\njne %x, yes\nret #12\nyes: ret #11\n",
  less_index: "ldx #6\nld #7\njlt x, yes\nret #12\nyes: ret #11\n",
  less_or_equal_index: "ldx #7\nld #7\njle x, yes\nret #12\nyes: ret #11\n",
  greater_index: "ldx #6\nld #7\njgt x, yes, no\nyes: ret #11\nno: ret #12\n",
  bit_set: "ld #6\njset #4, yes, no\nyes: ret #11\nno: ret #12\n",
  bit_set_no_way_back: "ld #6\njset #1, a1, a2\na1: ret #11\na2: ret #12\n",
  bit_set_index: "ldx #9\nld #6\njset x, yes, no\nyes: ret #11\nno: ret #12\n",
  jump_over: "jmp far\nret #1\nret #2\nfar: ret #33\n",
  numbers: "ld #0x10\nadd #010\nadd #0b11\nadd #+5\nadd #-1\nret a\n",
  letter_case: "LDH [12]\nJEQ #0X800, Yes, no\nYes: RET #0x20\nno: ret %A\n",
  line_comment: '# 1 "filter.c"\nld #9 ; nine\n# 2\nret a\n',
  xor_extension: `ldx #0x15\nld #0x3f\nld [${SKF_AD_OFF - 2 ** 32 + 40}]\nret a\n`,
  netlink_attribute: "ldx #1\nld #14\nld nla\nret a\n",
  netlink_nested: "ldx #1\nld #14\nld nlan\nret a\n",
  netlink_beyond: "ldx #1\nld #5000\nld #nla\nret a\n",
  payload_only: "ld poff\nret a\n",
  random_is_not_always_zero: "ld rand\njeq #0, no\nret #-1\nno: ret #0\n",
  processor: "ld cpu\njge #1024, no\nret #-1\nno: ret #0\n",
  ancillary_as_byte: "ldb mark\nret a\n",
  ancillary_as_half: "ldh #proto\nand #0x3f\nret a\n",
};
for (const name of ANCILLARY) {
  if (name === "cpu") continue;
  // the constants keep what depends on the machine out of the answers, and the values within the shortest frame
  const setup = name.startsWith("nla") ? "ldx #3\nld #0\n" : "";
  const index = name === "ifidx" ? "sub #1\n" : "";
  sources[`${name}_low`] = `${setup}ld ${name}\n${index}and #0xf\nadd #1\nret a\n`;
  sources[`${name}_middle`] = `${setup}ld #${name}\n${index}rsh #4\nand #0xf\nadd #1\nret a\n`;
  sources[`${name}_high`] = `${setup}ld ${name}\n${index}rsh #8\nxor #5\nmod #13\nadd #1\nret a\n`;
}

/** Frames with netlink attributes behind the Ethernet header, for nla and nlan: name -> hex of what follows the header. */
const attribute = (type, payload) => {
  const le = (n) => (n & 255).toString(16).padStart(2, "0") + (n >> 8).toString(16).padStart(2, "0");
  const length = 4 + payload.length / 2;
  return le(length) + le(type) + payload + "00".repeat((4 - (length % 4)) % 4);
};
const header = "020000000002020000000001" + "9000";
/** Frames beside those of packets.json. */
export const frames = [
  { name: "attributes", hex: header + attribute(2, "0102") + attribute(1, "aabbccdd") + attribute(3, "") },
  {
    name: "attributes_nested",
    hex: header + attribute(7, attribute(5, "09") + attribute(1, "0102030405") + attribute(3, "00")),
  },
  { name: "attribute_cut", hex: `${header}${attribute(2, "0102")}2000010001` },
  { name: "attribute_too_short", hex: `${header}0300010000000000000000000000000000` },
].map((f) => ({ ...f, hex: f.hex.padEnd(120, "0") }));

/** pcap expressions, as tcpdump takes them. */
export const expressions = [
  "",
  "arp",
  "ip",
  "ip6",
  "tcp",
  "udp",
  "icmp",
  "icmp6",
  "sctp",
  "host 198.51.100.10",
  "src host 192.0.2.1",
  "dst net 198.51.0.0/16",
  "port 80",
  "tcp port 443",
  "udp dst port 53",
  "portrange 1024-2048",
  "tcp dst port 80 and (tcp[tcpflags] & (tcp-syn|tcp-ack)) == tcp-syn",
  "tcp[((tcp[12] & 0xf0) >> 2):2] > 0",
  "ip[6:2] & 0x1fff != 0",
  "ip[0] & 0xf != 5",
  "ip proto 47",
  "ip6 proto 17",
  "ip6 host 2001:db8::1",
  "ether host 02:00:00:00:00:02",
  "ether broadcast or ether multicast",
  "not ip and not ip6",
  "ether proto 0x88cc",
  "vlan",
  "vlan 100",
  "vlan and tcp",
  "vlan and vlan",
  "mpls",
  "len <= 60",
  "greater 100",
  "less 60 or tcp",
  "ip[2:2] % 7 = 3",
  "udp[4:2] * 2 > 100",
  "ether[0] & 1 = 0 and ip[8] < 2",
  "icmp[icmptype] == icmp-echo",
  "ip multicast",
  "ip broadcast 192.0.2.255",
  "net 192.0.2.0/24 and not port 22",
].filter((e) => !e.startsWith("ip broadcast"));

const RET = "6 0 0 1";
const program = (...insns) => `${insns.length},${insns.join(",")},`;

/** Programs for the kernel's checker: why, decimal. */
export const checks = [
  ["the least there is", program(RET)],
  ["ret a", program("22 0 0 0")],
  ["ret x", program("14 0 0 0")],
  ["no instructions", "0,"],
  ["4096 instructions", program(...Array(4095).fill("0 0 0 1"), RET)],
  ["4097 instructions", program(...Array(4096).fill("0 0 0 1"), RET)],
  ["no ret at the end", program("0 0 0 1")],
  ["a jump at the end", program(RET, "5 0 0 0")],
  ["division by the constant 0", program("52 0 0 0", RET)],
  ["division by the constant 1", program("52 0 0 1", RET)],
  ["modulo by the constant 0", program("148 0 0 0", RET)],
  ["division by X, whatever the constant", program("60 0 0 0", RET)],
  ["left shift by 31", program("100 0 0 31", RET)],
  ["left shift by 32", program("100 0 0 32", RET)],
  ["right shift by 31", program("116 0 0 31", RET)],
  ["right shift by 32", program("116 0 0 32", RET)],
  ["shift by X, whatever the constant", program("108 0 0 32", RET)],
  ["store to M[15]", program("2 0 0 15", RET)],
  ["store to M[16]", program("2 0 0 16", RET)],
  ["store of X to M[16]", program("3 0 0 16", RET)],
  ["load of M[0] without a store", program("96 0 0 0", RET)],
  ["load of X from M[0] without a store", program("97 0 0 0", RET)],
  ["load of M[16]", program("2 0 0 0", "96 0 0 16", RET)],
  ["load behind a store", program("2 0 0 3", "96 0 0 3", RET)],
  ["load behind a store of another", program("2 0 0 3", "96 0 0 4", RET)],
  ["load behind a store on one of two ways", program("21 0 1 1", "2 0 0 3", "96 0 0 3", RET)],
  ["load behind stores on both ways", program("21 0 2 1", "2 0 0 3", "5 0 0 1", "2 0 0 3", "96 0 0 3", RET)],
  ["load where nothing leads, without a store", program(RET, "96 0 0 0", RET)],
  ["load where only a jump leads, without a store", program("5 0 0 0", "96 0 0 0", RET)],
  ["load behind an unconditional jump that nothing leads to", program("5 0 0 1", "96 0 0 0", RET)],
  ["jump by 0", program("5 0 0 0", RET)],
  ["jump to the last", program("5 0 0 1", "0 0 0 0", RET)],
  ["jump behind the last", program("5 0 0 1", RET)],
  ["jump by 4294967295", program("5 0 0 4294967295", RET)],
  ["branch to the last", program("21 0 1 0", "0 0 0 0", RET)],
  ["branch behind the last when it holds", program("21 1 0 0", RET)],
  ["branch behind the last when it fails", program("21 0 1 0", RET)],
  ["packet load just below the ancillary ones", program(`32 0 0 ${SKF_AD_OFF - 1}`, RET)],
  ["indirect load at the ancillary offset", program(`64 0 0 ${SKF_AD_OFF}`, RET)],
  ["header length at the ancillary offset", program(`177 0 0 ${SKF_AD_OFF}`, RET)],
  ["packet load of a negative offset", program("32 0 0 4293918720", RET)],
  ["packet load of the largest offset", program("32 0 0 2147483647", RET)],
  ...Array.from({ length: 19 }, (_, i) => [
    `ancillary load ${i * 4 - 4}`,
    program(`32 0 0 ${SKF_AD_OFF + i * 4 - 4}`, RET),
  ]),
  ...[1, 2, 3, 5, 63].map((ad) => [`ancillary load ${ad}`, program(`40 0 0 ${SKF_AD_OFF + ad}`, RET)]),
  ["ancillary load as byte", program(`48 0 0 ${SKF_AD_OFF}`, RET)],
  ...Array.from({ length: 0x110 }, (_, code) => [
    `code ${code}`,
    program("2 0 0 1", "3 0 0 1", `${code} 0 0 1`, "0 0 0 0", RET),
  ]),
  ["code 65535", program("65535 0 0 0", RET)],
  ["unused fields that are not zero", program("7 9 9 9", "135 9 9 9", "132 9 9 9", "22 9 9 9")],
  ["jump over 32764 instructions of the translation", far(["5 0 0 3640"], 3640)],
  ["jump over more than 32767 instructions of the translation", far(["5 0 0 3641"], 3641)],
  [
    "branch over more than 32767 instructions of the translation",
    far(["21 255 0 7", ...Array(255).fill("64 0 0 1"), "5 0 0 3400"], 3600),
  ],
  ["jump behind 32768 instructions of the translation", far([], 3640, ["5 0 0 0"])],
  ["jump behind more than 32768 instructions of the translation", far([], 3641, ["5 0 0 0"])],
  ["loads that need more than the socket's option memory", far([], 1900)],
  ["loads that just fit into the socket's option memory", far([], 1800)],
];

function far(before, count, behind = []) {
  return program(...before, ...Array(count).fill("64 0 0 1"), ...behind, RET);
}

/** Programs of which the recording measures what the kernel makes of them. */
export const sized = [
  ...[0x20, 0x28, 0x30].flatMap((code) =>
    [0, 1, 32767, 32768, 0x80000000].map((k) => program(`${code} 0 0 ${k}`, RET)),
  ),
  ...[0x40, 0x48, 0x50].flatMap((code) => [0, 1, 0x80000000].map((k) => program(`${code} 0 0 ${k}`, RET))),
  ...[0, 14, 40000, 0xfff00000].map((k) => program(`177 0 0 ${k}`, RET)),
  ...Array.from({ length: 16 }, (_, i) => program(`32 0 0 ${SKF_AD_OFF + 4 * i}`, RET)),
  ...[0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d].flatMap((code) =>
    [5, 0x80000000].flatMap((k) => [
      program(`${code} 0 0 ${k}`, RET, RET),
      program(`${code} 1 0 ${k}`, RET, RET),
      program(`${code} 0 1 ${k}`, RET, RET),
      program(`${code} 1 1 ${k}`, RET, RET, RET),
    ]),
  ),
  ...[4, 12, 20, 28, 36, 44, 52, 60, 68, 76, 84, 92, 100, 108, 116, 124, 132, 148, 156, 164, 172].map((code) =>
    program(`${code} 0 0 1`, RET),
  ),
  program("2 0 0 1", "3 0 0 2", "96 0 0 1", "97 0 0 2", "0 0 0 9", "1 0 0 9", "128 0 0 0", "129 0 0 0", RET),
  program("7 0 0 0", "135 0 0 0", "5 0 0 0", "22 0 0 0"),
];

/** A small generator of numbers, the same on every machine (xorshift). @returns a function that gives integers below its argument */
export function numbers(seed) {
  let s = seed * 2654435761 || 1;
  return (below) => {
    s ^= s << 13;
    s ^= s >>> 17;
    s ^= s << 5;
    return (s >>> 0) % below;
  };
}

const INTERESTING = [0, 1, 2, 3, 7, 12, 14, 23, 31, 255, 0x800, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/**
 * A valid program made at random: any instructions, forward jumps, and at the end A folded into 8 bits. Loads beyond the packet, which
 * end a program with 0, are kept rare. @returns [[code, jt, jf, k], ...]
 */
export function randomProgram(seed) {
  const rnd = numbers(seed);
  const pick = (list) => list[rnd(list.length)];
  const constant = () => (rnd(3) === 0 ? rnd(0x10000) * 0x10000 + rnd(0x10000) : pick(INTERESTING));
  const far = () => pick([0xfff00000 + rnd(40), 0xffe00000 + rnd(40), 60 + rnd(40), constant()]);
  const offset = () => (rnd(5) === 0 ? far() : rnd(36));
  const out = Array.from({ length: 16 }, (_, i) => [rnd(2) ? 2 : 3, 0, 0, i]);
  const count = 3 + rnd(60);
  for (let n = 0; n < count; n++) {
    switch (rnd(14)) {
      case 0:
      case 1: {
        const k = offset();
        out.push([pick([0x20, 0x28, 0x30]), 0, 0, k >= SKF_AD_OFF ? 3 : k]);
        break;
      }
      case 2:
        if (rnd(6) > 0) out.push([1, 0, 0, rnd(20)]);
        out.push([pick([0x40, 0x48, 0x50]), 0, 0, rnd(10) > 0 ? rnd(30) : offset()]);
        break;
      case 3:
        out.push([0xb1, 0, 0, rnd(40)]);
        break;
      case 4:
        out.push([pick([0, 1]), 0, 0, rnd(2) ? constant() : rnd(64)]);
        break;
      case 5:
        out.push([pick([0x80, 0x81, 7, 0x87, 0x84]), 0, 0, 0]);
        break;
      case 6:
        out.push([pick([0x60, 0x61, 2, 3]), 0, 0, rnd(16)]);
        break;
      case 7:
        // metadata that is the same wherever the programs run
        out.push([0x20, 0, 0, SKF_AD_OFF + pick([0, 4, 40, 48])]);
        break;
      case 8:
        out.push([5, 0, 0, 0]);
        break;
      case 9:
      case 10: {
        const code = pick([0x15, 0x25, 0x35, 0x45]) | pick([0, 8]);
        out.push([code, 0, 0, code & 8 ? 0 : constant()]);
        break;
      }
      default: {
        const op = pick([0, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0]);
        const divides = op === 0x30 || op === 0x90;
        const x = rnd(divides ? 6 : 2) === 0 ? 8 : 0;
        let k = constant();
        if (op === 0x60 || op === 0x70) k = rnd(32);
        if (divides && k === 0) k = 1;
        out.push([4 | op | x, 0, 0, x ? 0 : k]);
      }
    }
  }
  for (let at = 16; at < out.length; at++) {
    const reach = Math.min(out.length - at - 1, 12) + 1;
    if (out[at][0] === 5) out[at][3] = rnd(reach);
    else if ((out[at][0] & 7) === 5) out[at].splice(1, 2, rnd(reach), rnd(reach));
  }
  out.push([7, 0, 0, 0], [0x74, 0, 0, 16], [0xac, 0, 0, 0], [7, 0, 0, 0], [0x74, 0, 0, 8], [0xac, 0, 0, 0]);
  out.push([0x54, 0, 0, 255], [0x16, 0, 0, 0]);
  return out;
}

/** Such a program as decimals. */
export function decimal(insns) {
  return `${insns.length},${insns.map((i) => `${i.join(" ")},`).join("")}`;
}
