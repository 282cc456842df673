import type { Endpoint } from "@cronium/protocol/endpoint";
import { type ReactNode, useState } from "react";
import { CopyLine } from "../../components/CopyLine.tsx";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";
import { snippetsOf } from "./snippets.ts";

/** How to send to an endpoint, one way at a time. */
export function Snippets({
  endpoint,
  address,
}: {
  readonly endpoint: Pick<Endpoint, "verification">;
  readonly address: string;
}): ReactNode {
  const snippets = snippetsOf(endpoint, address);
  const [chosen, setChosen] = useState<string | null>(null);
  const shown = snippets.find(({ label }) => label === chosen) ?? snippets[0];
  return (
    <section className="flex flex-col gap-2">
      <h3 className="text-12 font-medium text-dim">{t("endpoint.send")}</h3>
      <div role="group" aria-label={t("endpoint.send")} className="flex flex-wrap gap-1">
        {snippets.map(({ label }) => (
          <Button
            key={label}
            size="small"
            look={label === shown?.label ? "plain" : "ghost"}
            aria-pressed={label === shown?.label}
            onClick={() => setChosen(label)}
          >
            {label}
          </Button>
        ))}
      </div>
      {shown === undefined ? null : <CopyLine text={shown.text} />}
      {shown?.text.includes("HOOK_SECRET") === true ? (
        <p className="text-12 text-faint">{t("endpoint.secretHelp")}</p>
      ) : null}
    </section>
  );
}
