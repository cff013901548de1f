/**
 * Mathematics whose result every platform agrees about to the last bit: only operations that IEEE 754 rounds exactly
 * (+ - * / and comparisons) are used. `Math.log` and its kin may differ in the last place.
 */

const LN2_HI = 0.6931471803691238;
const LN2_LO = 1.9082149292705877e-10;

/**
 * Natural logarithm of a positive finite double.
 * @source series ln(m) = 2 atanh((m-1)/(m+1)) with m in [sqrt(1/2), sqrt(2)); error below 1e-15 relative
 */
export function portableLog(x: number): number {
  let m = x;
  let e = 0;
  while (m >= Math.SQRT2) {
    m *= 0.5;
    e++;
  }
  while (m < Math.SQRT1_2) {
    m *= 2;
    e--;
  }
  const s = (m - 1) / (m + 1);
  const z = s * s;
  let sum = 0;
  for (let k = 25; k >= 1; k -= 2) sum = sum * z + 1 / k;
  return e * LN2_HI + (2 * s * sum + e * LN2_LO);
}
