{
  description = "yoi: a workspace server that runs LLM workers inside its own process";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      lib = nixpkgs.lib;
      # Linux alone: the server relies on its file locks and signals, and is tested there.
      systems = [
        "x86_64-linux"
        "aarch64-linux"
      ];
      forEachSystem = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});

      manifest = lib.importTOML ./Cargo.toml;

      # What a build reads, and nothing else: a change to the prose compiles nothing anew.
      source = lib.fileset.toSource {
        root = ./.;
        fileset = lib.fileset.unions [
          ./Cargo.toml
          ./Cargo.lock
          ./clippy.toml
          ./rustfmt.toml
          ./crates
          ./tests
          ./fuzz/corpus
          # Tests hold that it has every failure, and that these run commands that parse.
          ./docs/failures.md
          ./Dockerfile
          ./packaging
        ];
      };

      # Every derivation of ours is this one with another set of arguments.
      rustPackage =
        pkgs: arguments:
        pkgs.rustPlatform.buildRustPackage (
          {
            version = manifest.workspace.package.version;
            src = source;
            cargoLock.lockFile = ./Cargo.lock;
          }
          // arguments
        );

      binary =
        pkgs: name: description:
        rustPackage pkgs {
          pname = name;
          cargoBuildFlags = [
            "-p"
            name
          ];
          # `checks.tests` runs them once for all packages.
          doCheck = false;
          meta = {
            inherit description;
            mainProgram = name;
            license = lib.licenses.mit;
          };
        };

      # A check that compiles no binary: it runs one cargo command over the source.
      cargoCheck =
        pkgs: name: tools: command:
        rustPackage pkgs {
          pname = "yoi-${name}";
          buildType = "debug";
          dontBuild = true;
          nativeCheckInputs = tools;
          checkPhase = ''
            runHook preCheck
            ${command}
            runHook postCheck
          '';
          installPhase = "touch $out";
        };
    in
    {
      packages = forEachSystem (pkgs: rec {
        yoi =
          (binary pkgs "yoi" "Serves a workspace's LLM workers, and drives them from the command line")
          .overrideAttrs
            (old: {
              # For `--version`: the sources are here without their repository.
              YOI_COMMIT = self.rev or self.dirtyRev or "";
              nativeBuildInputs = old.nativeBuildInputs ++ [ pkgs.installShellFiles ];
              postInstall = ''
                for shell in bash fish zsh; do
                  $out/bin/yoi completions $shell > yoi.$shell
                done
                installShellCompletion --cmd yoi --bash yoi.bash --fish yoi.fish --zsh yoi.zsh
                $out/bin/yoi man-pages man
                installManPage man/*
              '';
            });
        yoi-workspace-server = binary pkgs "yoi-workspace-server" "The workspace server alone";
        default = yoi;
      });

      apps = lib.genAttrs systems (
        system:
        let
          app = package: {
            type = "app";
            program = lib.getExe package;
            meta.description = package.meta.description;
          };
          packages = self.packages.${system};
        in
        {
          default = app packages.yoi;
          yoi = app packages.yoi;
          yoi-workspace-server = app packages.yoi-workspace-server;
        }
      );

      checks = forEachSystem (pkgs: {
        tests = cargoCheck pkgs "tests" [ ] "cargo test --workspace --offline";
        clippy = cargoCheck pkgs "clippy" [
          pkgs.clippy
        ] "cargo clippy --workspace --all-targets --offline -- -D warnings";
        fmt = cargoCheck pkgs "fmt" [ pkgs.rustfmt ] "cargo fmt --check";
      });

      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          packages = [
            pkgs.cargo
            pkgs.rustc
            pkgs.clippy
            pkgs.rustfmt
            pkgs.rust-analyzer
          ];
        };
      });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
