/** Version of the control plane, one with its package. */
export const VERSION = "0.1.0";
