-- A history of version 1. This file never changes: HistoryTest reads it.
CREATE TABLE run(id INTEGER PRIMARY KEY, identity TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
         experiment TEXT NOT NULL, started_at TEXT NOT NULL, machine TEXT NOT NULL,
         directory TEXT NOT NULL, facts TEXT NOT NULL);
INSERT INTO run VALUES(1,replace('nightly\n20260111T030000Z-1\n2026-01-11T03:00:00Z\nhere','\n',char(10)),'20260111T030000Z-1','nightly','2026-01-11T03:00:00Z','here','/results/20260111T030000Z-1','{"kernel":"Linux 6.1"}');
INSERT INTO run VALUES(2,replace('nightly\n20260112T030000Z-1\n2026-01-12T03:00:00Z\nhere','\n',char(10)),'20260112T030000Z-1','nightly','2026-01-12T03:00:00Z','here','/results/20260112T030000Z-1','{"kernel":"Linux 6.1"}');
CREATE TABLE content(run INTEGER PRIMARY KEY, environment TEXT NOT NULL, trials TEXT NOT NULL);
INSERT INTO content VALUES(1,'{"hosts":{"client":{"kernel":"Linux 6.1"},"server":{"kernel":"Linux 6.1"}}}',replace('run,experiment,workload,case,block,status,engine,throughput_bps,client_host\n20260111T030000Z-1,nightly,bulk,bulk/engine=epoll,1,ok,epoll,14,here\n','\n',char(10)));
INSERT INTO content VALUES(2,'{"hosts":{"client":{"kernel":"Linux 6.1"},"server":{"kernel":"Linux 6.1"}}}',replace('run,experiment,workload,case,block,status,engine,throughput_bps,client_host\n20260112T030000Z-1,nightly,bulk,bulk/engine=epoll,1,ok,epoll,20,here\n','\n',char(10)));
CREATE TABLE label(run INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
         PRIMARY KEY(run, key)) WITHOUT ROWID;
INSERT INTO label VALUES(1,'commit','first');
INSERT INTO label VALUES(2,'commit','first');
CREATE TABLE metric(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
INSERT INTO metric VALUES(1,'throughput_bps');
CREATE TABLE case_name(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
INSERT INTO case_name VALUES(1,'bulk/engine=epoll');
CREATE TABLE parameters(id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
INSERT INTO parameters VALUES(1,'engine=epoll');
CREATE TABLE median(metric INTEGER NOT NULL, run INTEGER NOT NULL, case_name INTEGER NOT NULL,
         parameters INTEGER NOT NULL, value REAL NOT NULL, trials INTEGER NOT NULL,
         PRIMARY KEY(metric, run, case_name)) WITHOUT ROWID;
INSERT INTO median VALUES(1,1,1,1,14.0,1);
INSERT INTO median VALUES(1,2,1,1,20.0,1);
PRAGMA application_id = 1885957735;
PRAGMA user_version = 1;
