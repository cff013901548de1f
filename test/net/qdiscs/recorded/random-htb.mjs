// Random trees of htb classes with random arrivals, the same ones for a seed: parents, rates, ceilings, bursts, quanta, priorities,
// and small queues below some leaves. Rates share no factors, so that no two buckets fill at the same moment.

/** xorshift32: numbers below n. */
function numbers(seed) {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}

export function randomHtb(seed) {
  const below = numbers(seed * 2654435761);
  const bits = (low, high) => (low + below(high - low)) * 1000 + below(1000);
  const tc = (line) => ({ tc: line });
  const steps = [
    tc(`qdisc add dev va root handle 1: htb default ${10 + below(5)}`),
    tc(`class add dev va parent 1: classid 1:1 htb rate ${bits(500, 1000)}bit burst 2000 cburst 2000`),
  ];
  const nodes = [{ id: 1, depth: 0 }];
  const leaves = new Set([1]);
  for (let id = 10, end = 13 + below(5); id < end; id++) {
    const parent = nodes[below(nodes.length)];
    if (parent.depth > 4) continue;
    const rate = bits(30, 300);
    const bursts = `burst ${1600 + below(3000)} cburst ${1600 + below(3000)}`;
    const share = `quantum ${1000 + below(3000)} prio ${below(3)}`;
    const ceil = rate + bits(0, 600);
    steps.push(
      tc(
        `class add dev va parent 1:${parent.id} classid 1:${id} htb rate ${rate}bit ceil ${ceil}bit ${bursts} ${share}`,
      ),
    );
    leaves.delete(parent.id);
    leaves.add(id);
    nodes.push({ id, depth: parent.depth + 1 });
  }
  const ids = [...leaves];
  const queues = ["pfifo limit 6", "bfifo limit 5000", "pfifo_head_drop limit 4"];
  for (const id of ids) {
    if (below(3) === 0) steps.push(tc(`qdisc add dev va parent 1:${id} handle ${id}: ${queues[below(3)]}`));
  }
  for (let k = 0; k < 8; k++) {
    const prio = 0x10000 + Number.parseInt(String(ids[below(ids.length)]), 16);
    steps.push({ send: { count: 2 + below(9), bytes: 200 + below(1200), prio, gapUs: 0 } });
    if (below(3) === 0) steps.push({ wait: 10 + below(80) });
  }
  steps.push({ wait: 1500 }, tc("-s qdisc show dev va"), tc("-s class show dev va"));
  return { name: `htb: random tree ${seed}`, steps };
}
