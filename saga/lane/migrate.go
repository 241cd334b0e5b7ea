package lane

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"tiffin/saga"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate creates or updates the group's schema: the library's own tables, then the group's documents by its migrations, the
// files of the folder migrations (nil for a group that keeps none). A schema belongs to the installation that made it, which its
// topics' prefix names; another one is refused, before its documents are touched.
// Several processes may do so at once. Then it compares the tables with the declaration, and says which column lacks.
func Migrate(ctx context.Context, url, topicPrefix string, g *saga.Group, documents fs.FS) (err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return fmt.Errorf("the database URL of group %s: %w", g.Name(), err)
	}
	// Goose's own lock polls every few seconds; this one wakes who waits.
	locked, err := lockSchema(ctx, config, g.Name())
	if err != nil {
		return fmt.Errorf("schema %s: %w", g.Name(), err)
	}
	defer func() { err = errors.Join(err, locked.Close(context.WithoutCancel(ctx))) }()
	config.RuntimeParams["search_path"] = quoted(g.Name())
	db := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, db.Close()) }()
	own, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	if err := migrate(ctx, db, "lane_versions", own); err != nil {
		return fmt.Errorf("migrate schema %s: %w", g.Name(), err)
	}
	if err := settle(ctx, locked, g.Name(), topicPrefix); err != nil {
		return err
	}
	if documents != nil {
		theirs, err := fs.Sub(documents, "migrations")
		if err == nil {
			err = migrate(ctx, db, "document_versions", theirs)
		}
		if err != nil {
			return fmt.Errorf("migrate schema %s: %w", g.Name(), err)
		}
	}
	return compare(ctx, db, g)
}

// lockSchema creates the schema, and keeps other processes from migrating it while the connection is open.
func lockSchema(ctx context.Context, config *pgx.ConnConfig, name string) (*pgx.Conn, error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, "select pg_advisory_lock(hashtext('tiffin schema ' || $1))", name); err == nil {
		_, err = conn.Exec(ctx, "create schema if not exists "+quoted(name))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, nil
}

// settle makes the schema the installation's, unless it is another's. It is under the schema's lock.
func settle(ctx context.Context, conn *pgx.Conn, schema, topicPrefix string) error {
	table := quoted(schema) + ".installation"
	var owner string
	err := conn.QueryRow(ctx, "select topic_prefix from "+table).Scan(&owner)
	if errors.Is(err, pgx.ErrNoRows) {
		owner = topicPrefix
		_, err = conn.Exec(ctx, "insert into "+table+" (topic_prefix) values ($1)", topicPrefix)
	}
	if err != nil {
		return fmt.Errorf("whose is schema %s: %w", schema, err)
	}
	if owner != topicPrefix {
		return fmt.Errorf("schema %s is of the installation whose topics have the prefix %q, and this one's have %q: "+
			"installations can share a cluster, but each needs a database of its own", schema, owner, topicPrefix)
	}
	return nil
}

func migrate(ctx context.Context, db *sql.DB, versions string, files fs.FS) error {
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(versions))
	if err != nil {
		return err
	}
	_, err = p.Up(ctx)
	return err
}

// compare says what the declaration has and the tables have not.
func compare(ctx context.Context, db *sql.DB, g *saga.Group) error {
	rows, err := db.QueryContext(ctx, "select table_name || '.' || column_name from information_schema.columns where table_schema = $1", g.Name())
	if err != nil {
		return err
	}
	defer rows.Close()
	there := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
		there[name] = true
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var absent []string
	for _, t := range g.Tables() {
		for _, c := range t.Columns(t.New("")) {
			if name := t.Name() + "." + c.Name; !there[name] {
				absent = append(absent, name)
			}
		}
	}
	if absent != nil {
		return fmt.Errorf("schema %s lacks %s, which the group declares: add a migration to its folder", g.Name(), strings.Join(absent, ", "))
	}
	return nil
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
