// Whether two outputs of the runner say the same. Times may differ by what the kernel's timers are rounded: they run in ticks of 4 ms,
// and in steps of 32 ms beyond a quarter of a second and of 256 ms beyond two (the timer wheel).

/** ms that a time may differ. */
function slack(ms) {
  return 12 + (ms > 200 ? 40 : 0) + (ms > 1900 ? 280 : 0) + ms / 50;
}

function split(line) {
  const w = line.split(" ");
  if (w[0] !== "pkt") return { at: null, text: line };
  return { at: Number(w[1]), text: ["pkt", ...w.slice(2)].join(" ") };
}

/** @returns null, or the first difference in words */
export function compareOutputs(got, want) {
  for (let i = 0; i < Math.max(got.length, want.length); i++) {
    const g = got[i] === undefined ? null : split(got[i]);
    const w = want[i] === undefined ? null : split(want[i]);
    if (g === null) return `line ${i + 1}: nothing, expected ${want[i]}`;
    if (w === null) return `line ${i + 1}: ${got[i]}, expected nothing`;
    if (g.text !== w.text || (g.at !== null && Math.abs(g.at - w.at) > slack(w.at))) {
      return `line ${i + 1}: ${got[i]}, expected ${want[i]}`;
    }
  }
  return null;
}
