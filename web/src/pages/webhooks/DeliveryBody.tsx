import type { DeliveryDetail } from "@cronium/protocol/endpoint";
import { type ReactNode, useState } from "react";
import { CopyLine } from "../../components/CopyLine.tsx";
import { formatBytes } from "../../lib/duration.ts";
import { t } from "../../lib/text.ts";
import { Button } from "../../ui/Button.tsx";

/** JSON is shown with its lines apart until somebody asks for it as it came, byte for byte. */
export function DeliveryBody({ delivery }: { readonly delivery: DeliveryDetail }): ReactNode {
  const { body, sizeBytes } = delivery;
  const [isRaw, setRaw] = useState(false);
  const formatted = body === null ? null : formattedJson(body);
  return (
    <section className="flex flex-col gap-1">
      <div className="flex items-center gap-2">
        <h3 className="flex-1 text-12 font-medium text-dim">{t("delivery.body")}</h3>
        {formatted === null || formatted === body ? null : (
          <Button size="small" look="ghost" onClick={() => setRaw(!isRaw)}>
            {t(isRaw ? "delivery.formatted" : "delivery.asItCame")}
          </Button>
        )}
      </div>
      {body === null ? (
        <p className="text-faint">{t("delivery.binary", formatBytes(sizeBytes))}</p>
      ) : (
        <CopyLine text={isRaw || formatted === null ? body : formatted} />
      )}
    </section>
  );
}

/** Null for what is no JSON, or a number alone, which formatting could change. */
function formattedJson(text: string): string | null {
  try {
    const value: unknown = JSON.parse(text);
    // Numbers beyond what JavaScript holds would look like others.
    return typeof value === "object" && value !== null && !/\d{16}/.test(text) ? JSON.stringify(value, null, 2) : null;
  } catch {
    return null;
  }
}
