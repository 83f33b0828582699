package records

import "context"

// SnapshotKeys is store.Catalog's SnapshotKeys. Rows of rooms are checked: the key of a damaged one cannot be believed.
func SnapshotKeys(ctx context.Context, tx Tx, f func(key string) error) error {
	each := func(keys ...string) error {
		for _, key := range keys {
			if key == "" {
				continue
			}
			if err := f(key); err != nil {
				return err
			}
		}
		return nil
	}
	err := tx.Query(ctx, `SELECT `+Columns+` FROM room`, func(scan func(...any) error) error {
		row, err := Scan(scan)
		if err != nil {
			return err
		}
		return each(row.SnapshotKey, row.PreviousKey)
	})
	if err != nil {
		return err
	}
	return tx.Query(ctx, `SELECT key FROM version`, func(scan func(...any) error) error {
		var key string
		if err := scan(&key); err != nil {
			return err
		}
		return each(key)
	})
}
