ALTER TABLE "visitor_erasures" ADD COLUMN "hidden_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "visitor_erasures" ADD COLUMN "derived_up_to" bigint;