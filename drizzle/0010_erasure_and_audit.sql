CREATE TABLE "audit_log" (
	"id" uuid PRIMARY KEY NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"project_id" uuid NOT NULL,
	"action" text NOT NULL,
	"target_type" text NOT NULL,
	"target_id" text NOT NULL,
	"actor_key" text NOT NULL,
	"actor_kind" text NOT NULL,
	"ip" text NOT NULL,
	"request_id" text NOT NULL,
	"changes" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "erased_events" (
	"project" integer NOT NULL,
	"event" uuid NOT NULL,
	"erased_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "erased_events_project_event_pk" PRIMARY KEY("project","event")
);
--> statement-breakpoint
CREATE TABLE "erased_visitors" (
	"project" integer NOT NULL,
	"mark" text NOT NULL,
	"erased_at" timestamp (3) with time zone NOT NULL,
	"changed_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"settled_at" timestamp (3) with time zone,
	CONSTRAINT "erased_visitors_project_mark_pk" PRIMARY KEY("project","mark")
);
--> statement-breakpoint
CREATE TABLE "visitor_erasures" (
	"id" uuid PRIMARY KEY NOT NULL,
	"project" integer NOT NULL,
	"visitor" text NOT NULL,
	"job" uuid,
	"erased_at" timestamp (3) with time zone NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"claim" uuid,
	"claimed_until" timestamp (3) with time zone,
	"touched" jsonb
);
--> statement-breakpoint
ALTER TABLE "idempotent_requests" ADD COLUMN "personal" boolean DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE "erased_events" ADD CONSTRAINT "erased_events_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "erased_visitors" ADD CONSTRAINT "erased_visitors_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "visitor_erasures" ADD CONSTRAINT "visitor_erasures_project_projects_number_fk" FOREIGN KEY ("project") REFERENCES "public"."projects"("number") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "audit_log_of_project" ON "audit_log" USING btree ("project_id","at","id");--> statement-breakpoint
CREATE INDEX "erased_events_by_age" ON "erased_events" USING btree ("erased_at");--> statement-breakpoint
CREATE INDEX "erased_visitors_by_change" ON "erased_visitors" USING btree ("changed_at");--> statement-breakpoint
CREATE INDEX "visitor_erasures_of_project" ON "visitor_erasures" USING btree ("project","created_at");--> statement-breakpoint
CREATE INDEX "visitor_erasures_of_job" ON "visitor_erasures" USING btree ("job");--> statement-breakpoint
CREATE FUNCTION audit_log_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('millrace.forget_audit', true) = 'on' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;--> statement-breakpoint
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON "audit_log" FOR EACH ROW EXECUTE FUNCTION audit_log_append_only();--> statement-breakpoint
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON "audit_log" FOR EACH STATEMENT EXECUTE FUNCTION audit_log_append_only();
