using Lorikeet.Server.Tests.Adapters;
using Lorikeet.Testing;

namespace Lorikeet.Server.Tests.Faults;

/// <summary>PostgreSQL goes away under a running server and comes back: what is known goes on serving, changes are an honest 503, nothing is lost.</summary>
public sealed class DatabaseGoneTests
{
    private const string Routes = "/lorikeet/v1/adapters/";

    [PostgresFact]
    public async Task Requests_go_on_without_the_database_and_changes_wait_for_it()
    {
        await using PostgresServer database = await PostgresServer.StartAsync();
        (_, string admin) = await LorikeetServer.CreateKeyAsync(database.ConnectionString, "operator", ["admin", "infer", "manage", "metrics"]);
        await using TinyServer server = await TinyServer.StartAsync((o, _) => o with { Registry = database.ConnectionString, Keys = true });
        server.Http.DefaultRequestHeaders.Authorization = new("Bearer", admin);
        string a = server.Adapter("a", 1), b = server.Adapter("b", 2);
        await RegistryTests.PutAsync(server, "bot", a, 201);
        await RegistryTests.PutAsync(server, "cold", b, 201);
        string[] before = await Proof.AnswersAsync(server, "tiny", "bot");
        string key = (await server.PostAsync("/lorikeet/v1/keys", """{"tenant":"acme","scopes":["infer"]}""")).Ok(201).GetProperty("id").GetString()!;
        int files = Files(server);

        await database.StopAsync();
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(before, await Proof.AnswersAsync(server, "tiny", "bot"));
            Assert.Equal(200, (await server.GetAsync("/health")).Status);
            (await server.GetAsync("/v1/models")).Ok();
            (await server.GetAsync(Routes + "bot/versions")).Ok();
            Answer[] refused =
            [
                await server.SendAsync(HttpMethod.Put, Routes + "bot", TinyServer.Upload(b)),
                await server.SendAsync(HttpMethod.Put, Routes + "new", TinyServer.Upload(b)),
                await server.PostAsync(Routes + "bot/rollback", """{"to":1}"""),
                await server.PostAsync(Routes + "bot/pin", ""),
                await server.PostAsync(Routes + "bot/alias", """{"alias":"other"}"""),
                await server.SendAsync(HttpMethod.Delete, Routes + "bot"),
                await server.PostAsync("/lorikeet/v1/keys", """{"tenant":"acme"}"""),
                await server.GetAsync("/lorikeet/v1/keys/" + key),
                await server.SendAsync(HttpMethod.Delete, "/lorikeet/v1/keys/" + key),
            ];
            Assert.All(refused, r =>
            {
                r.Error(503, "service_unavailable");
                Assert.InRange(int.Parse(r.Header("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture), 1, 60);
                Assert.DoesNotContain("127.0.0.1", r.Body, StringComparison.Ordinal);
            });
            Assert.Equal(files, Files(server));
            // An adapter that was not in memory is read without the database.
            await server.CompleteAsync("cold");
            // The server knows by now, and goes on.
            await Wait.UntilAsync(() => !server.Server.Parts.Registry.IsReachable);
        }

        await database.StartAgainAsync();
        // The next look at the database finds the connections that the old one left; after it, changes are taken.
        await Wait.UntilAsync(() => server.Server.Parts.Registry.IsReachable);
        Assert.Equal(2, (await RegistryTests.PutAsync(server, "bot", b, 200)).Json.GetProperty("version").GetInt32());
        Assert.Equal((await Proof.AnswersAsync(server, "cold"))[0], (await Proof.AnswersAsync(server, "bot"))[0]);
        Assert.Equal(before[1], (await Proof.AnswersAsync(server, "bot@1"))[0]);
        (await server.SendAsync(HttpMethod.Delete, "/lorikeet/v1/keys/" + key)).Ok();
        await RegistryTests.PutAsync(server, "new", a, 201);
        await Proof.AllReturnedAsync(server);
    }

    private static int Files(TinyServer server) => Directory.EnumerateFiles(Path.Combine(server.Folder, "store"), "*", SearchOption.AllDirectories).Count();
}
