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
      # A test holds that the Dockerfile says the same.
      imageConfig = builtins.fromJSON (builtins.readFile ./packaging/image.json);

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
        pkgs: name: description: arguments:
        rustPackage pkgs (
          {
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
          }
          // arguments
        );

      # As the image that the Dockerfile makes: `docker load < result`.
      dockerImage =
        pkgs: yoi:
        pkgs.dockerTools.buildLayeredImage {
          name = "yoi";
          tag = manifest.workspace.package.version;
          contents = [
            yoi
            # Certificate authorities for the providers, and how names are looked up.
            pkgs.dockerTools.caCertificates
            pkgs.dockerTools.fakeNss
          ];
          fakeRootCommands = ''
            mkdir -p data workspace
            chown 65534:65534 data workspace
          '';
          config = imageConfig // {
            # The base image of the Dockerfile has one.
            Env = imageConfig.Env ++ [ "PATH=/bin" ];
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
        yoi = binary pkgs "yoi" "Serves a workspace's LLM workers, and drives them from the command line" {
          # For `--version`: the sources are here without their repository.
          env.YOI_COMMIT = self.rev or self.dirtyRev or "";
          postInstall = ''
            man=$out/share/man/man1
            mkdir -p $man
            $out/bin/yoi man-pages $man
            bash=$out/share/bash-completion/completions
            fish=$out/share/fish/vendor_completions.d
            zsh=$out/share/zsh/site-functions
            mkdir -p $bash $fish $zsh
            $out/bin/yoi completions bash > $bash/yoi
            $out/bin/yoi completions fish > $fish/yoi.fish
            $out/bin/yoi completions zsh > $zsh/_yoi
          '';
        };
        yoi-workspace-server = binary pkgs "yoi-workspace-server" "The workspace server alone" { };
        image = dockerImage pkgs yoi;
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
        # util-linux: servers with a disk and a user of their own.
        tests = cargoCheck pkgs "tests" [ pkgs.util-linux ] "cargo test --workspace --offline";
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
