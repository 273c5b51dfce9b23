// Which actions are logged? A closed set; the word before the dot says what they are done to.

/** Every action, and what it means for the documentation. */
export const auditActions = {
  'project.created': 'A project was made',
  'project.updated': 'Its name, zone, domains or settings were changed',
  'project.deleted': 'It was deleted; its data follows',
  'project.backfilled': 'Figures were asked to be worked out again',
  'project.verified': 'Figures were asked to be checked',
  'key.created': 'A key was made',
  'key.rotated': 'A key was replaced by another',
  'key.revoked': 'A key was ended',
  'funnel.created': 'A funnel was made',
  'funnel.changed': 'It was changed',
  'funnel.deleted': 'It was deleted',
  'goal.created': 'A goal was made',
  'goal.changed': 'It was changed',
  'goal.deleted': 'It was deleted',
  'alert.created': 'An alert was made',
  'alert.changed': 'It was changed',
  'alert.deleted': 'It was deleted',
  'alert.rotated': 'It was given a new secret',
  'visitor.erased': 'A visitor’s erasure was begun',
  'visitor.exported': 'All that is held of a visitor was asked for',
} as const;

/** One of them. */
export type AuditAction = keyof typeof auditActions;
