import { type DeliveryVerdict, deliveryVerdicts } from "@cronium/protocol/webhook-tables";
import { Ban, CircleCheck, CircleDashed, CircleX, Copy, Eye, Filter, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import type { Tone } from "../../lib/run-look.ts";
import { t } from "../../lib/text.ts";
import { classes } from "../../ui/classes.ts";
import { icon } from "../../ui/icons.ts";
import { toneText } from "../../ui/tone.ts";

const looks: Readonly<Record<DeliveryVerdict, { readonly tone: Tone; readonly icon: LucideIcon }>> = {
  accepted: { tone: "good", icon: CircleCheck },
  duplicate: { tone: "quiet", icon: Copy },
  filtered: { tone: "quiet", icon: Filter },
  test: { tone: "hold", icon: Eye },
  invalid_signature: { tone: "bad", icon: Ban },
  invalid_body: { tone: "bad", icon: CircleX },
  filter_failed: { tone: "bad", icon: CircleX },
  mapping_failed: { tone: "bad", icon: CircleX },
  invalid_input: { tone: "bad", icon: CircleX },
  event_disabled: { tone: "quiet", icon: CircleDashed },
  quota: { tone: "warn", icon: CircleDashed },
};

/** Colour, icon and word. */
export function VerdictWord({ verdict }: { readonly verdict: DeliveryVerdict }): ReactNode {
  const { tone, icon: Icon } = looks[verdict];
  return (
    <span
      className={classes("inline-flex items-center gap-1.5 align-middle whitespace-nowrap", toneText[tone])}
      title={deliveryVerdicts[verdict]}
    >
      <Icon {...icon} />
      {t(`verdict.${verdict}`)}
    </span>
  );
}
