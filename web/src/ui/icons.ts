/** All icons in one size and stroke. */
export const icon = { size: 16, strokeWidth: 1.5, "aria-hidden": true } as const;
