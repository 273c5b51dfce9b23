CREATE TABLE "live_interests" (
	"project" integer NOT NULL,
	"process" text NOT NULL,
	"until" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "live_interests_project_process_pk" PRIMARY KEY("project","process")
);
--> statement-breakpoint
CREATE TABLE "realtime_tickets" (
	"hash" "bytea" PRIMARY KEY NOT NULL,
	"project_id" uuid NOT NULL,
	"key_id" text NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "realtime_tickets" ADD CONSTRAINT "realtime_tickets_project_id_projects_id_fk" FOREIGN KEY ("project_id") REFERENCES "public"."projects"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "realtime_tickets_by_expiry" ON "realtime_tickets" USING btree ("expires_at");