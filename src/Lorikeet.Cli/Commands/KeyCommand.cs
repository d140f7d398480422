using System.CommandLine;
using Lorikeet.Server;

namespace Lorikeet.Cli.Commands;

/// <summary><c>lorikeet key</c>.</summary>
internal static class KeyCommand
{
    private static readonly Option<string> Registry = new("--registry") { Description = "The registry: a file (SQLite), or a connection string of PostgreSQL (Host=...)", Required = true };
    private static readonly Option<string> Tenant = new("--tenant") { Description = "Whose key it is", DefaultValueFactory = _ => "default" };
    private static readonly Option<string[]> Scopes = new("--scope") { Description = "infer, manage, admin or metrics; repeat for several. Default: infer" };
    private static readonly Option<string[]> Names = new("--adapters") { Description = "A name or pattern (* and ?) that the key may use; repeat for several. Default: all" };
    private static readonly Option<string?> Label = new("--label") { Description = "A note" };

    /// <summary>The command.</summary>
    public static Command Create()
    {
        Command command = new(
            "key",
            "Makes a key for lorikeet serve. Its secret is shown this once; the registry keeps a hash.\n\n" +
            "Examples:\n" +
            "  lorikeet key --registry registry.db --scope admin\n" +
            "  lorikeet key --registry registry.db --tenant acme --scope infer --adapters \"support-*\"")
        {
            Registry, Tenant, Scopes, Names, Label,
        };
        command.SetAction(async (parsed, _) =>
        {
            string[] scopes = parsed.GetValue(Scopes) ?? [], names = parsed.GetValue(Names) ?? [];
            (string id, string secret) = await LorikeetServer.CreateKeyAsync(
                parsed.GetValue(Registry)!, parsed.GetValue(Tenant)!, scopes.Length > 0 ? scopes : ["infer"], names.Length > 0 ? names : null, parsed.GetValue(Label));
            Console.WriteLine(secret);
            await Console.Error.WriteLineAsync($"{id} of tenant {parsed.GetValue(Tenant)}: {string.Join(", ", scopes.Length > 0 ? scopes : ["infer"])}; the secret is not kept");
            return 0;
        });
        return command;
    }
}
