/** Where netsim's tools print something else than the recorded ones, and why. */

export interface Difference {
  readonly topic: string;
  /** Number of the step in the recording. */
  readonly step: number;
  readonly command: string;
  readonly why: string;
  /** Exit status, when it differs. */
  readonly status?: number;
  /** What is printed here, from what was printed there. */
  readonly output: (recorded: string) => string;
}

const nothing = (): string => "";
const text =
  (t: string): ((recorded: string) => string) =>
  () =>
    t;

/** The verifier's log is left out until netsim has a verifier. */
const withoutLog = (recorded: string): string =>
  recorded.replace(/libbpf: prog '\w+': -- BEGIN PROG LOAD LOG --\n[\s\S]*-- END PROG LOAD LOG --\n/, "");

const otherKernel = "the recording kernel was built without it; netsim has it";
const ownUsage = "usage texts name what netsim has";
const hasNoEthtool = (option: string): ((recorded: string) => string) =>
  text(`netsim has no \`ethtool ${option}\` yet; it has ethtool -S, -k, -K\n`);

const tc = (step: number, command: string, why: string, status: number, output: (r: string) => string): Difference => ({
  topic: "tc-qdisc",
  step,
  command,
  why,
  status,
  output,
});

const PROG_USAGE =
  "Usage: bpftool prog { show | list } [PROG]\n" +
  "       bpftool prog dump xlated PROG [{ opcodes | linum }]\n" +
  "       bpftool prog pin   PROG FILE\n" +
  "       bpftool prog { load | loadall } OBJ  PATH [type TYPE] [xdpmeta_dev NAME] [map { idx IDX | name NAME } MAP]\n" +
  "                                      [pinmaps MAP_DIR]\n" +
  "       bpftool prog tracelog { stdout | stderr } PROG\n" +
  "\n" +
  "       MAP := { id MAP_ID | pinned FILE | name MAP_NAME }\n" +
  "       PROG := { id PROG_ID | pinned FILE | tag PROG_TAG | name PROG_NAME }\n" +
  "       TYPE := { socket | classifier | action | xdp }\n";
const USAGE =
  "Usage: bpftool [OPTIONS] OBJECT { COMMAND | help }\n" +
  "\n" +
  "       OBJECT := { prog | map | link | net | btf }\n" +
  "       OPTIONS := { {-j|--json} [{-p|--pretty}] | {-f|--bpffs} }\n";

const BPF_USAGE =
  "Usage: ... bpf ...\n" +
  " bytecode BPF_BYTECODE\n" +
  " bytecode-file FILE\n" +
  " object-file FILE [ section CLS_NAME ] [ program NAME ] [ verbose ] [ direct-action ]\n" +
  " object-pinned FILE [ direct-action ]\n" +
  " [ classid CLASSID ]\n" +
  "Where BPF_BYTECODE := 's,c t f k,c t f k,...', all decimals; s is the number of 4-tuples\n";

/** The call that Linux's verifier has inlined, and with it the numbers of what follows. */
const asLoaded = (recorded: string): string => {
  const opcodes = recorded.includes("       b4 06");
  let out = recorded.replace(
    / {3}6: \(07\) r1 \+= 312[\s\S]*?(?=; return code)/,
    `   6: (85) call bpf_map_lookup_elem#1\n${opcodes ? "       85 00 00 00 01 00 00 00\n" : ""}`,
  );
  for (const [from, to] of [
    [13, 7],
    [14, 8],
    [15, 9],
    [16, 10],
  ] as const) {
    out = out.replace(`  ${from}: (`, `${String(to).padStart(4)}: (`);
  }
  // before relocation the instruction carries no map
  return out.replace(/18 11 [0-9a-f ]+/, "18 11 00 00 00 00 00 00 00 00 00 00 00 00 00 00");
};

export const differences: readonly Difference[] = [
  {
    topic: "ip-link-xdp",
    step: 21,
    command: "ip link set dev vb xdp obj tc_mark.o sec tc/ingress",
    why: "netsim has no verifier yet: the section's type decides",
    output: withoutLog,
  },
  {
    topic: "ip-link-xdp",
    step: 22,
    command: "ip link set dev vb xdp obj xdp_legacy_count.o sec xdp",
    why: "netsim loads legacy maps, as an iproute2 without libbpf does",
    status: 0,
    output: nothing,
  },
  {
    topic: "ip-link-xdp",
    step: 23,
    command: "ip link set dev vb xdp obj xdp_l2_redirect.o sec xdp",
    why: "the step before has attached a program here",
    status: 2,
    output: text("Error: XDP program already attached.\n"),
  },
  {
    topic: "ip-link-xdp",
    step: 25,
    command: "ip link set dev vb xdp obj xdp_tailcall.o sec xdp",
    why: "netsim loads the programs of tail calls along",
    status: 0,
    output: nothing,
  },
  {
    topic: "ip-link-xdp",
    step: 26,
    command: "ip link show dev vb",
    why: "the step before has attached a program here",
    output: (r) =>
      `${r.replace("mtu 1500 qdisc", "mtu 1500 xdp qdisc")}    prog/xdp id 1 name handle_ipv4 tag c9a8a885da0ab659 jited \n`,
  },
  {
    topic: "ip-route",
    step: 24,
    command: "ip route get 10.20.0.1 from 10.9.0.7 iif vb",
    why: "the input side cannot be asked yet",
    status: 255,
    output: text("netsim has no `ip route get ... iif` yet\n"),
  },
  tc(85, "tc -s class show dev va", "the recording sender took its time between packets", 0, (r) =>
    r.replace("tokens: 1925 ctokens: 179", "tokens: 1250 ctokens: 112"),
  ),
  tc(90, "tc qdisc add dev va root prio", otherKernel, 0, nothing),
  tc(91, "tc qdisc add dev va root netem delay 10ms", otherKernel, 0, nothing),
  tc(95, "tc qdisc del dev va root", "netem of above is there to be deleted", 0, nothing),
  {
    topic: "tc-filter",
    step: 23,
    command: "tc filter add dev vb ingress bpf da obj xdp_vlan.o sec xdp",
    why: "netsim has no verifier yet: the section's type decides",
    output: withoutLog,
  },
  {
    topic: "tc-bytecode",
    step: 44,
    command: "tc filter add dev vb ingress bpf bytecode '1,6 0 0 1' bytecode '1,6 0 0 1'",
    why: ownUsage,
    output: (r) => r.replace(/Usage: [\s\S]*/, BPF_USAGE),
  },
  {
    topic: "tc-bytecode",
    step: 45,
    command: "tc filter add dev vb ingress bpf bytecode '1,6 0 0 1' frobnicate",
    why: ownUsage,
    output: (r) => r.replace(/Usage: [\s\S]*/, BPF_USAGE),
  },
  {
    topic: "bpftool",
    step: 47,
    command: "bpftool prog run pinned $PINS/count data_in /dev/null",
    why: "not there yet",
    status: 255,
    output: text("netsim has no `bpftool prog run` yet; send packets through the lab instead\n"),
  },
  { topic: "bpftool", step: 49, command: "bpftool prog nosuch", why: ownUsage, output: text(PROG_USAGE) },
  { topic: "bpftool", step: 50, command: "bpftool nosuch", why: ownUsage, output: text(USAGE) },
  {
    topic: "bpftool",
    step: 60,
    command: "bpftool prog dump xlated pinned $PINS/act",
    why: "nothing rewrites a program here",
    output: asLoaded,
  },
  {
    topic: "bpftool",
    step: 61,
    command: "bpftool prog dump xlated pinned $PINS/act opcodes",
    why: "nothing rewrites a program here",
    output: asLoaded,
  },
  { topic: "ethtool", step: 6, command: "ethtool -i vb", why: "not there yet", status: 1, output: hasNoEthtool("-i") },
  { topic: "ethtool", step: 7, command: "ethtool -l vb", why: "not there yet", status: 1, output: hasNoEthtool("-l") },
  {
    topic: "ethtool",
    step: 9,
    command: "ethtool vb",
    why: "not there yet",
    status: 1,
    output: hasNoEthtool("DEVNAME"),
  },
  { topic: "ethtool", step: 12, command: "ethtool -g vb", why: "not there yet", output: hasNoEthtool("-g") },
  { topic: "ethtool", step: 13, command: "ethtool -c vb", why: "not there yet", output: hasNoEthtool("-c") },
];
