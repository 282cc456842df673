-- Compatible: new tables, and columns that may be null. The previous version writes rows without them, which the
-- filters by name, trigger, runner and label then leave out until the run changes again.
CREATE TABLE `run_labels` (
	`workspace_id` text NOT NULL,
	`label` text NOT NULL,
	`queued_at` integer NOT NULL,
	`run_id` text NOT NULL,
	PRIMARY KEY(`workspace_id`, `label`, `queued_at`, `run_id`)
);
--> statement-breakpoint
CREATE INDEX `run_labels_run` ON `run_labels` (`run_id`);--> statement-breakpoint
CREATE TABLE `run_names` (
	`workspace_id` text NOT NULL,
	`name` text NOT NULL,
	PRIMARY KEY(`workspace_id`, `name`)
);
--> statement-breakpoint
ALTER TABLE `runs` ADD `event_name` text;--> statement-breakpoint
ALTER TABLE `runs` ADD `trigger` text;--> statement-breakpoint
ALTER TABLE `runs` ADD `runner_id` text;--> statement-breakpoint
UPDATE `runs` SET `event_name` = `summary`->>'eventName', `trigger` = `summary`->>'trigger', `runner_id` = `summary`->>'runnerId';--> statement-breakpoint
INSERT OR IGNORE INTO `run_names` (`workspace_id`, `name`) SELECT DISTINCT `workspace_id`, `event_name` FROM `runs`;--> statement-breakpoint
INSERT OR IGNORE INTO `run_labels` (`workspace_id`, `label`, `queued_at`, `run_id`)
  SELECT r.`workspace_id`, label.key || '=' || label.value, r.`queued_at`, r.`id` FROM `runs` r, json_each(r.`detail`, '$.labels') label;--> statement-breakpoint
CREATE INDEX `runs_by_name` ON `runs` (`workspace_id`,`event_name`,`queued_at`,`id`);--> statement-breakpoint
CREATE INDEX `runs_by_trigger` ON `runs` (`workspace_id`,`trigger`,`queued_at`,`id`);--> statement-breakpoint
CREATE INDEX `runs_by_runner` ON `runs` (`workspace_id`,`runner_id`,`queued_at`,`id`) WHERE "runs"."runner_id" IS NOT NULL;