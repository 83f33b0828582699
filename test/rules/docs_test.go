package rules

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// wellKnown are methods whose meaning the standard library's interfaces define.
var wellKnown = map[string]bool{"Error": true, "String": true, "Unwrap": true, "Is": true, "ServeHTTP": true,
	"Len": true, "Less": true, "Swap": true, "Read": true, "Write": true, "Close": true}

// sources parses every Go file of the repository that is not a test, by directory.
func sources(t *testing.T) (*token.FileSet, map[string][]*ast.File) {
	t.Helper()
	root := filepath.Join("..", "..")
	set, dirs := token.NewFileSet(), map[string][]*ast.File{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name := entry.Name(); path != root && (name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".")) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(set, path, text, parser.ParseComments)
		if err != nil {
			return err
		}
		dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(dirs) < 10 {
		t.Fatalf("only %d directories have Go files", len(dirs))
	}
	return set, dirs
}

func TestEveryPackageHasOneComment(t *testing.T) {
	_, dirs := sources(t)
	for dir, files := range dirs {
		count := 0
		for _, file := range files {
			if file.Doc != nil {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%s has %d package comments, want 1", dir, count)
		}
	}
}

func TestEveryExportedNameHasAComment(t *testing.T) {
	set, dirs := sources(t)
	for _, files := range dirs {
		for _, file := range files {
			if ast.IsGenerated(file) {
				continue
			}
			for _, declaration := range file.Decls {
				for _, name := range undocumented(declaration) {
					t.Errorf("%s: %s has no comment", set.Position(name.Pos()), name.Name)
				}
			}
		}
	}
}

// undocumented returns the exported names of a declaration that nothing explains.
func undocumented(declaration ast.Decl) (names []*ast.Ident) {
	switch d := declaration.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && (d.Recv == nil || receiverExported(d) && !wellKnown[d.Name.Name]) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		grouped := d.Doc != nil && d.Tok != token.TYPE // one comment may speak of a whole block of values
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && d.Doc == nil {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				for _, name := range s.Names {
					if name.IsExported() && s.Doc == nil && s.Comment == nil && !grouped {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

func receiverExported(d *ast.FuncDecl) bool {
	kind := d.Recv.List[0].Type
	for {
		switch k := kind.(type) {
		case *ast.StarExpr:
			kind = k.X
		case *ast.IndexExpr:
			kind = k.X
		case *ast.IndexListExpr:
			kind = k.X
		case *ast.Ident:
			return k.IsExported()
		default:
			return false
		}
	}
}
