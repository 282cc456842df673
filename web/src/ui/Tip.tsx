import { Tooltip } from "@base-ui/react/tooltip";
import type { ReactElement, ReactNode } from "react";

/** A short text on hover and focus. It repeats or explains what is there; nothing is told by it alone. */
export function Tip({ text, children }: { readonly text: string; readonly children: ReactElement }): ReactNode {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger render={children} />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={6} className="z-50">
          <Tooltip.Popup className="max-w-80 rounded-control bg-inverse px-2 py-1 text-12 text-on-inverse shadow-layer transition-opacity duration-160 data-ending-style:opacity-0 data-starting-style:opacity-0">
            {text}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
