/** Draws a share of what passes. */
export interface Sampler {
  /** `share`: 0 to 1, and may change from one call to the next. */
  draw(share: number): boolean;
}

/**
 * Each stretch of what passes has one drawn, somewhere in it: the share is kept to within two, and yet nothing that
 * comes round with a period (every second input being even, say) is always drawn or never.
 */
export function createSampler(random: () => number): Sampler {
  /** How far into the stretch we are, of 1; beyond it where some of the next one has passed too. */
  let passed = 0;
  let point = random();
  let drawn = false;
  return {
    draw(share) {
      passed += share;
      const now = !drawn && passed > point;
      drawn ||= now;
      // Ten times a tenth is a little less than one.
      if (drawn && passed >= 1 - 1e-9) {
        passed -= 1;
        point = random();
        drawn = false;
      }
      return now;
    },
  };
}
