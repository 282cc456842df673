-- Compatible: an index more.
CREATE INDEX `runs_by_parent` ON `runs` (`workspace_id`,"summary" ->> '$.origin.runId',`queued_at`,`id`) WHERE "runs"."trigger" = 'event';
