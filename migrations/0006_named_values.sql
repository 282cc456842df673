-- Compatible: a new table, which the previous version does not know.
CREATE TABLE `named_values` (
	`id` text PRIMARY KEY NOT NULL,
	`workspace_id` text NOT NULL,
	`kind` text NOT NULL,
	`name` text NOT NULL,
	`event_id` text,
	`version` integer NOT NULL,
	`key_id` text,
	`updated_at` integer NOT NULL,
	`rev` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `named_values_list` ON `named_values` (`workspace_id`,`kind`,`name`);--> statement-breakpoint
CREATE INDEX `named_values_key` ON `named_values` (`key_id`) WHERE "named_values"."key_id" IS NOT NULL;