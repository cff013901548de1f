// What is asked of the kernel and of netsim: commands and arrivals on the pair va, vb. Rates are low and arrivals stand away from the
// moments at which buckets fill, so that the noise of a machine's clock decides nothing.
//
//   tc(LINE)              a command
//   send(N, BYTES, PRIO)  N frames at once, PRIO as SO_PRIORITY: a class id chooses the class
//   wait(MS)

const tc = (line) => ({ tc: line });
const send = (count, bytes, prio = 0, gapUs = 0) => ({ send: { count, bytes, prio, gapUs } });
const wait = (ms) => ({ wait: ms });
const cls = (minor, major = 1) => major * 0x10000 + minor;
const show = [
  tc("-s qdisc show dev va"),
  tc("-s -j qdisc show dev va"),
  tc("-s class show dev va"),
  tc("-d class show dev va"),
];

export const scenarios = [
  {
    name: "tbf: a burst, then the rate",
    steps: [
      tc("qdisc add dev va root handle 1: tbf rate 400kbit burst 5000 limit 20000"),
      send(20, 1000),
      wait(100),
      send(3, 500),
      wait(600),
      ...show,
    ],
  },
  {
    name: "tbf: what is too large or too much is dropped",
    steps: [
      tc("qdisc add dev va root handle 1: tbf rate 400kbit burst 1200 limit 4000"),
      send(2, 1201),
      send(10, 1000),
      wait(200),
      ...show,
    ],
  },
  {
    name: "tbf: a peak rate bounds the burst",
    steps: [
      tc("qdisc add dev va root handle 1: tbf rate 400kbit burst 5000 limit 20000 peakrate 800kbit mtu 1600"),
      send(10, 1000),
      wait(400),
      ...show,
    ],
  },
  {
    name: "tbf: a pfifo below, changed, replaced and deleted while packets wait",
    steps: [
      tc("qdisc add dev va root handle 1: tbf rate 160kbit burst 2000 limit 20000"),
      tc("qdisc add dev va parent 1:1 handle 10: pfifo limit 4"),
      send(8, 1000),
      tc("-s qdisc show dev va"),
      tc("qdisc change dev va parent 1:1 handle 10: pfifo limit 2"),
      send(2, 1000),
      tc("qdisc replace dev va parent 1:1 handle 11: bfifo limit 5000"),
      tc("-s qdisc show dev va"),
      send(3, 1000),
      wait(500),
      ...show,
      tc("qdisc del dev va parent 1:1"),
      send(3, 1000),
      wait(20),
      ...show,
      tc("qdisc change dev va root handle 1: tbf rate 160kbit burst 2000 limit 9000"),
      send(3, 1000),
      wait(300),
      ...show,
    ],
  },
  {
    name: "pfifo_head_drop: the oldest goes, below a shaper",
    steps: [
      tc("qdisc add dev va root handle 1: tbf rate 160kbit burst 2000 limit 20000"),
      tc("qdisc add dev va parent 1:1 handle 10: pfifo_head_drop limit 3"),
      send(9, 1000),
      wait(300),
      ...show,
    ],
  },
  {
    name: "htb: direct packets pass unshaped",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 77 direct_qlen 5"),
      tc("class add dev va parent 1: classid 1:10 htb rate 160kbit"),
      send(10, 1000),
      send(10, 1000, cls(0)),
      wait(20),
      ...show,
    ],
  },
  {
    name: "htb: one class, a burst, then its rate",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 10"),
      tc("class add dev va parent 1: classid 1:10 htb rate 400kbit burst 3000 cburst 3000"),
      send(12, 1000),
      wait(500),
      send(2, 1000),
      wait(50),
      ...show,
    ],
  },
  {
    name: "htb: two leaves borrow what the third leaves",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 30"),
      tc("class add dev va parent 1: classid 1:1 htb rate 800kbit burst 2000 cburst 2000"),
      tc("class add dev va parent 1:1 classid 1:10 htb rate 400kbit ceil 800kbit burst 2000 cburst 2000 quantum 1000"),
      tc("class add dev va parent 1:1 classid 1:20 htb rate 200kbit ceil 800kbit burst 2000 cburst 2000 quantum 1000"),
      tc("class add dev va parent 1:1 classid 1:30 htb rate 200kbit ceil 800kbit burst 2000 cburst 2000 quantum 1000"),
      send(15, 1000, cls(0x10)),
      send(15, 1000, cls(0x20)),
      wait(700),
      ...show,
    ],
  },
  {
    name: "htb: priority 0 borrows first",
    steps: [
      tc("qdisc add dev va root handle 1: htb"),
      tc("class add dev va parent 1: classid 1:1 htb rate 400kbit burst 2000 cburst 2000"),
      tc("class add dev va parent 1:1 classid 1:10 htb rate 80kbit ceil 400kbit burst 2000 cburst 2000 prio 1"),
      tc("class add dev va parent 1:1 classid 1:20 htb rate 80kbit ceil 400kbit burst 2000 cburst 2000 prio 0"),
      send(8, 1000, cls(0x10)),
      send(8, 1000, cls(0x20)),
      wait(700),
      ...show,
    ],
  },
  {
    name: "htb: quanta share what is borrowed 1 to 3",
    steps: [
      tc("qdisc add dev va root handle 1: htb"),
      tc("class add dev va parent 1: classid 1:1 htb rate 400kbit burst 2000 cburst 2000"),
      tc("class add dev va parent 1:1 classid 1:10 htb rate 8kbit ceil 400kbit burst 1500 cburst 2000 quantum 1000"),
      tc("class add dev va parent 1:1 classid 1:20 htb rate 8kbit ceil 400kbit burst 1500 cburst 2000 quantum 3000"),
      send(12, 1000, cls(0x10)),
      send(12, 1000, cls(0x20)),
      wait(700),
      ...show,
    ],
  },
  {
    name: "htb: three levels, ceilings bind at each",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 22"),
      tc("class add dev va parent 1: classid 1:1 htb rate 830kbit burst 2000 cburst 2000"),
      tc("class add dev va parent 1:1 classid 1:2 htb rate 370kbit ceil 610kbit burst 2000 cburst 2000"),
      tc("class add dev va parent 1:1 classid 1:3 htb rate 410kbit ceil 790kbit burst 2000 cburst 2000"),
      tc("class add dev va parent 1:2 classid 1:21 htb rate 190kbit ceil 590kbit burst 2000 cburst 2000 quantum 1000"),
      tc("class add dev va parent 1:2 classid 1:22 htb rate 110kbit ceil 290kbit burst 2000 cburst 2000 quantum 1000"),
      tc("class add dev va parent 1:3 classid 1:31 htb rate 330kbit ceil 770kbit burst 2000 cburst 2000 quantum 1000"),
      send(12, 1000, cls(0x21)),
      send(12, 1000, cls(0x22)),
      send(12, 1000, cls(0x31)),
      wait(900),
      ...show,
    ],
  },
  {
    name: "htb: a full leaf drops, qdisc and class count it",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 10"),
      tc("class add dev va parent 1: classid 1:10 htb rate 160kbit burst 2000 cburst 2000"),
      tc("qdisc add dev va parent 1:10 handle 10: pfifo limit 3"),
      send(10, 1000),
      tc("-s class show dev va"),
      wait(300),
      ...show,
    ],
  },
  {
    name: "htb: replacing the qdisc below a class counts what waited as dropped",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 10"),
      tc("class add dev va parent 1: classid 1:10 htb rate 80kbit burst 2000 cburst 2000"),
      send(8, 1000),
      tc("qdisc add dev va parent 1:10 handle 10: bfifo limit 3000"),
      tc("-s qdisc show dev va"),
      send(4, 1000),
      tc("-s qdisc show dev va"),
      tc("qdisc del dev va parent 1:10"),
      ...show,
    ],
  },
  {
    name: "htb: a leaf with packets gets a child, and becomes a leaf again",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 10"),
      tc("class add dev va parent 1: classid 1:10 htb rate 80kbit burst 2000 cburst 2000"),
      send(6, 1000),
      tc("class add dev va parent 1:10 classid 1:11 htb rate 40kbit ceil 80kbit burst 2000 cburst 2000"),
      ...show,
      send(3, 1000),
      send(3, 1000, cls(0x11)),
      ...show,
      tc("class del dev va classid 1:10"),
      tc("class del dev va classid 1:11"),
      ...show,
      send(2, 1000),
      wait(50),
      ...show,
    ],
  },
  {
    name: "htb: tbf below htb does not give what it has",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 10"),
      tc("class add dev va parent 1: classid 1:10 htb rate 800kbit burst 5000 cburst 5000"),
      tc("class add dev va parent 1: classid 1:20 htb rate 800kbit burst 5000 cburst 5000"),
      tc("qdisc add dev va parent 1:10 handle 10: tbf rate 160kbit burst 2000 limit 10000"),
      send(6, 1000),
      send(3, 1000, cls(0x20)),
      wait(400),
      ...show,
    ],
  },
  {
    name: "htb below tbf: what is peeked stays counted",
    steps: [
      tc("qdisc add dev va root handle 1: tbf rate 160kbit burst 2000 limit 20000"),
      tc("qdisc add dev va parent 1:1 handle 2: htb default 10"),
      tc("class add dev va parent 2: classid 2:10 htb rate 1mbit burst 9000 cburst 9000"),
      send(6, 1000),
      tc("-s qdisc show dev va"),
      tc("-s class show dev va"),
      wait(400),
      ...show,
    ],
  },
  {
    name: "htb: overhead, mpu and ATM cells take tokens",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 10"),
      tc(
        "class add dev va parent 1: classid 1:10 htb rate 400kbit burst 3000 cburst 3000 overhead 40 mpu 512 linklayer atm",
      ),
      send(8, 500),
      send(8, 100),
      wait(500),
      ...show,
    ],
  },
  {
    name: "htb: parameters of a class change while packets wait",
    steps: [
      tc("qdisc add dev va root handle 1: htb default 10"),
      tc("class add dev va parent 1: classid 1:10 htb rate 40kbit burst 2000 cburst 2000"),
      send(8, 1000),
      wait(300),
      tc("class change dev va parent 1: classid 1:10 htb rate 800kbit burst 2000 cburst 2000 prio 3 quantum 2000"),
      wait(600),
      ...show,
    ],
  },
];
