-- Compatible: columns with defaults, and an index; the version before goes by used_at, which is still written.
ALTER TABLE `registration_tokens` ADD `kind` text DEFAULT 'single_use' NOT NULL;--> statement-breakpoint
ALTER TABLE `registration_tokens` ADD `max_uses` integer DEFAULT 1 NOT NULL;--> statement-breakpoint
ALTER TABLE `registration_tokens` ADD `uses` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `registration_tokens` ADD `refused` integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE `registration_tokens` ADD `revoked_at` integer;--> statement-breakpoint
CREATE INDEX `registration_tokens_list` ON `registration_tokens` (`workspace_id`,`created_at`);--> statement-breakpoint
UPDATE `registration_tokens` SET `uses` = 1 WHERE `used_at` IS NOT NULL;
