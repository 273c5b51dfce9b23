DROP INDEX "rollup_cells_to_copy";--> statement-breakpoint
ALTER TABLE "rollup_cells" ADD COLUMN "has_sequences" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE INDEX "rollup_cells_to_copy" ON "rollup_cells" USING btree ("events") WHERE NOT has_sequences;